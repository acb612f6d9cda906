/*
 * Which lines a message gets, and where.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/stamp.h"

#include "src/mail/header_line.h"
#include "tests/unit/unit.h"

#define INFECTED "X-Virus-Infected: Virus Detected!\r\nX-Virus-Status: infected"
#define UNSCANNED "X-Virus-Status: unscanned"

static const struct {
	struct stamp_mark mark;
	const char *header;
	off_t top, bottom;
	const char *text;
	off_t place;
} cases[] = {
    {{STAMP_SCANNED, NULL}, "X: %i", 0, 50, "X: 192.0.2.7\r\n", 50},
    {{STAMP_SCANNED, NULL}, "X: %l", 9, 50, "X: 192.0.2.1\r\n", 50},
    {{STAMP_SCANNED, NULL}, "Received: by %l", 9, 50,
	"Received: by 192.0.2.1\r\n", 9},
    {{STAMP_SCANNED, NULL}, "", 0, 50, "", 50},
    /* No place, or no field. */
    {{STAMP_SCANNED, NULL}, "X: %i", 0, -1, "", 0},
    {{STAMP_SCANNED, NULL}, "Received: x", -1, -1, "", 0},
    {{STAMP_SCANNED, NULL}, "no field", 0, 50, "", 50},
    /* Nothing, wherever it could stand. */
    {{STAMP_NONE, NULL}, "X: %i", 0, 50, "", 0},
    {{STAMP_NONE, "x"}, "X: %i", 0, -1, "", 0},
    /* The mark is always there, whatever the header. */
    {{STAMP_INFECTED, "Worm"}, "X: %i", 0, 50, INFECTED " (Worm)\r\n", 50},
    {{STAMP_INFECTED, "Two  Words"}, "Received: x", 0, 50,
	INFECTED " (Two  Words)\r\n", 50},
    {{STAMP_INFECTED, NULL}, "", 0, 50, INFECTED "\r\n", 50},
    {{STAMP_INFECTED, "W"}, "X: %i", 0, -1, INFECTED " (W)\r\n\r\n", 0},
    {{STAMP_UNSCANNED, "no verdict"}, "X: %i", 0, 50,
	UNSCANNED " (no verdict)\r\n", 50},
    {{STAMP_UNSCANNED, "no verdict"}, "", 7, -1,
	UNSCANNED " (no verdict)\r\n\r\n", 0},
    {{STAMP_UNSCANNED, NULL}, "", 0, 0, UNSCANNED "\r\n", 0},
    /* A name is one comment, and no more. */
    {{STAMP_INFECTED, ""}, "", 0, 1, INFECTED " ()\r\n", 1},
    {{STAMP_INFECTED, "a\r\nB: c\r\n\r\nd"}, "", 0, 1,
	INFECTED " (a??B: c????d)\r\n", 1},
    {{STAMP_INFECTED, "(a(b)c"}, "", 0, 1, INFECTED " (?a?b?c)\r\n", 1},
    {{STAMP_INFECTED, "a\\"}, "", 0, 1, INFECTED " (a?)\r\n", 1},
    {{STAMP_INFECTED, "\t\x01\x1f\x7f\x80\xff\xc3\xa4~!\"%s;,@<>"}, "", 0, 1,
	INFECTED " (????????~!\"%s;,@<>)\r\n", 1},
};

static void
makes_the_lines_for_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct header_scan places = {
		    .top = cases[i].top, .bottom = cases[i].bottom};
		const struct stamp_source source = {
		    cases[i].header, "192.0.2.7", "192.0.2.1"};
		struct stamp stamp;

		stamp_make(&stamp, &cases[i].mark, &places, &source);
		assert_string_equal(strbuf_str(&stamp.text), cases[i].text);
		assert_int_equal(stamp.place, cases[i].place);
		strbuf_free(&stamp.text);
	}
}

/* The longest line of text, without its CRLF. */
static size_t
longest_line(const char *text)
{
	size_t longest = 0, n;

	for (; *text != '\0'; text += n + 2) {
		n = strcspn(text, "\r\n");
		assert_memory_equal(text + n, "\r\n", 2);
		longest = n > longest ? n : longest;
	}
	return longest;
}

static void
has_legal_lines_whatever_the_name(void **state)
{
	const struct header_scan places = {.bottom = 9};
	const struct stamp_source source = {"", "", ""};
	char name[1200];
	uint64_t seed = 1;

	(void)state;
	for (size_t len = 900; len < sizeof name; len++) {
		const struct stamp_mark mark = {
		    len % 2 == 0 ? STAMP_INFECTED : STAMP_UNSCANNED, name};
		struct stamp stamp;
		const char *text;

		for (size_t i = 0; i < len; i++)
			name[i] = (char)(1 + random_below(&seed, 255));
		name[len] = '\0';
		stamp_make(&stamp, &mark, &places, &source);
		text = strbuf_str(&stamp.text);
		assert_true(header_line_is_valid(text, stamp.text.len));
		assert_true(longest_line(text) <= STAMP_LINE_MAX);
		if (len > STAMP_LINE_MAX)
			assert_int_equal(longest_line(text), STAMP_LINE_MAX);
		assert_memory_equal(text + stamp.text.len - 3, ")\r\n", 3);
		strbuf_free(&stamp.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_the_lines_for_their_place),
	    cmocka_unit_test(has_legal_lines_whatever_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
