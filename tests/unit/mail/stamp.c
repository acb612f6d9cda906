/*
 * Which line a message gets, and where.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/stamp.h"

#include "tests/unit/unit.h"

#define INFECTED "X-Virus-Infected: Virus Detected!\r\n"

static const struct {
	enum stamp_mark mark;
	const char *header;
	off_t top, bottom;
	const char *text;
	off_t place;
} cases[] = {
    {STAMP_SCANNED, "X: %i", 0, 50, "X: 192.0.2.7\r\n", 50},
    {STAMP_SCANNED, "X: %l", 9, 50, "X: 192.0.2.1\r\n", 50},
    {STAMP_SCANNED, "Received: by %l", 9, 50, "Received: by 192.0.2.1\r\n", 9},
    {STAMP_SCANNED, "", 0, 50, "", 50},
    /* No place, or no field. */
    {STAMP_SCANNED, "X: %i", 0, -1, "", 0},
    {STAMP_SCANNED, "Received: x", -1, -1, "", 0},
    {STAMP_SCANNED, "no field", 0, 50, "", 50},
    /* The mark is always there, whatever the header. */
    {STAMP_INFECTED, "X: %i", 0, 50, INFECTED, 50},
    {STAMP_INFECTED, "Received: x", 0, 50, INFECTED, 50},
    {STAMP_INFECTED, "", 0, 50, INFECTED, 50},
    {STAMP_INFECTED, "X: %i", 0, -1, INFECTED "\r\n", 0},
};

static void
makes_the_line_for_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct header_scan places = {
		    .top = cases[i].top, .bottom = cases[i].bottom};
		const struct stamp_source source = {
		    cases[i].header, "192.0.2.7", "192.0.2.1"};
		struct stamp stamp;

		stamp_make(&stamp, cases[i].mark, &places, &source);
		assert_string_equal(strbuf_str(&stamp.text), cases[i].text);
		assert_int_equal(stamp.place, cases[i].place);
		strbuf_free(&stamp.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_the_line_for_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
