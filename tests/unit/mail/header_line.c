/*
 * What the option Header makes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/header_line.h"

#include <time.h>

#include "common/strbuf.h"
#include "tests/unit/unit.h"

/* Sunday, 22 November 2026, 20:11:48; west to east. */
static const struct header_line_symbols symbols = {.client_ip = "192.0.2.7",
    .local_ip = "192.0.2.1",
    .date = {.tm_year = 126,
	.tm_mon = 10,
	.tm_mday = 22,
	.tm_hour = 20,
	.tm_min = 11,
	.tm_sec = 48,
	.tm_wday = 0},
    .zone_name = "UTC"};

struct expand_case {
	struct text template;
	struct text out;
	const char *unknown; /* symbols */
};

static const struct expand_case expand_cases[] = {
    {T(""), T(""), ""},
    {T("X: y"), T("X: y\r\n"), ""},
    {T("X: %i"), T("X: 192.0.2.7\r\n"), ""},
    {T("X: %l"), T("X: 192.0.2.1\r\n"), ""},
    {T("X: %i%l"), T("X: 192.0.2.7192.0.2.1\r\n"), ""},
    {T("X: %d"), T("X: Sun Nov 22 20:11:48 2026 +0000 (UTC)\r\n"), ""},
    {T("X: 100%%"), T("X: 100%\r\n"), ""},
    {T("X: %%i"), T("X: %i\r\n"), ""},
    {T("X: %"), T("X: %\r\n"), ""},
    {T("X: %q."), T("X: .\r\n"), "q"},
    {T("X: %I%l%q"), T("X: 192.0.2.1\r\n"), "Iq"},
    {T("X: %D"), T("X: \r\n"), "D"},
    {T("X: a\\tb"), T("X: a\tb\r\n"), ""},
    {T("X: a\\r\\n b"), T("X: a\r\n b\r\n"), ""},
    {T("X: a\\n b"), T("X: a\r\n b\r\n"), ""},
    {T("X: a\\nY: b\\n\\tc"), T("X: a\r\nY: b\r\n\tc\r\n"), ""},
    {T("X: \\\\"), T("X: \\\r\n"), ""},
    {T("X: \\\\n"), T("X: \\n\r\n"), ""},
    {T("X: \\a\\\"\\N"), T("X: a\"N\r\n"), ""},
    {T("X: \\%i"), T("X: %i\r\n"), ""},
    {T("X: a\\"), T("X: a\\\r\n"), ""},
    {T("\\"), T("\\\r\n"), ""},
    {T("%"), T("%\r\n"), ""},
};

static void
expands_templates(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(expand_cases); i++) {
		const struct expand_case *c = &expand_cases[i];
		struct strbuf out = {0};
		struct strbuf unknown = {0};

		header_line_expand(c->template.p, &symbols, &out, &unknown);
		expect_text(c->template, strbuf_str(&out), out.len, c->out);
		assert_string_equal(strbuf_str(&unknown), c->unknown);
		strbuf_free(&unknown);
		strbuf_free(&out);
	}
}

static void
appends_to_what_is_there(void **state)
{
	struct strbuf out = {0};

	(void)state;
	strbuf_puts(&out, "a\nb\\");
	header_line_expand("X: \\ny", &symbols, &out, NULL);
	assert_string_equal(strbuf_str(&out), "a\nb\\X: \r\ny\r\n");
	strbuf_free(&out);
}

static void
takes_values_as_they_are(void **state)
{
	struct header_line_symbols odd = symbols;
	struct strbuf out = {0};

	(void)state;
	odd.client_ip = "%l\\n";
	odd.local_ip = "";
	header_line_expand("X: %i%l", &odd, &out, NULL);
	assert_string_equal(strbuf_str(&out), "X: %l\\n\r\n");
	strbuf_free(&out);
}

struct zone_case {
	long offset_s;
	const char *name;
	const char *out;
};

static const struct zone_case zone_cases[] = {
    {0, "GMT", "+0000 (GMT)"},
    {3600, "CET", "+0100 (CET)"},
    {5 * 3600 + 1800, "IST", "+0530 (IST)"},
    {5 * 3600 + 2700, "+0545", "+0545 (+0545)"},
    {14 * 3600, "+14", "+1400 (+14)"},
    {-5 * 3600, "EST", "-0500 (EST)"},
    {-(3 * 3600 + 1800), "NST", "-0330 (NST)"},
    {-(9 * 3600 + 1800), "-0930", "-0930 (-0930)"},
    {-1800, "X", "-0030 (X)"},
    {-12 * 3600, "-12", "-1200 (-12)"},
};

static void
writes_zones_with_their_minutes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(zone_cases); i++) {
		struct header_line_symbols s = symbols;
		struct strbuf out = {0};
		char want[64];

		s.zone_offset_s = zone_cases[i].offset_s;
		s.zone_name = zone_cases[i].name;
		snprintf(want, sizeof want, "Sun Nov 22 20:11:48 2026 %s\r\n",
		    zone_cases[i].out);
		header_line_expand("%d", &s, &out, NULL);
		assert_string_equal(strbuf_str(&out), want);
		strbuf_free(&out);
	}
}

/* The form of asctime(3): all days and months, and days of one digit. */
static void
writes_dates_as_asctime(void **state)
{
	(void)state;
	for (int month = 0; month < 12; month++)
		for (int day = 0; day < 7; day++) {
			struct header_line_symbols s = symbols;
			struct strbuf out = {0};
			char want[128], date[64];

			s.date = (struct tm){.tm_year = 100 + month,
			    .tm_mon = month,
			    .tm_mday = 4 * day + 1,
			    .tm_hour = day,
			    .tm_min = 59,
			    .tm_sec = 7,
			    .tm_wday = day};
			(void)asctime_r(&s.date, date);
			snprintf(
			    want, sizeof want, "%.24s +0000 (UTC)\r\n", date);
			header_line_expand("%d", &s, &out, NULL);
			assert_string_equal(strbuf_str(&out), want);
			strbuf_free(&out);
		}
}

struct valid_case {
	struct text text;
	bool valid;
};

static const struct valid_case valid_cases[] = {
    {T("X: y\r\n"), true},
    {T("X:\r\n"), true},
    {T("X: y\r\n z\r\n"), true},
    {T("X: y\r\nZ: z\r\n"), true},
    {T("X-Virus-Scanned: ClamAV using ClamSMTP\r\n"), true},
    {T("From: y\r\n"), true},
    /* No field. */
    {T(""), false},
    {T("\r\n"), false},
    {T("X y\r\n"), false},
    {T("X\r\n"), false},
    {T(": y\r\n"), false},
    {T(" X: y\r\n"), false},
    {T("X y: z\r\n"), false},
    {T("From me\r\n"), false},
    {T("From me\r\nX: y\r\n"), false},
    /* Not only fields. */
    {T("X: y\r\n\r\n"), false},
    {T("X: y\r\n\r\nZ: z\r\n"), false},
    {T("X: y\r\nz\r\n"), false},
    {T("X: y\r\n \r\n"), false},
    /* Strange line ends. */
    {T("X: y\n"), false},
    {T("X: y"), false},
    {T("X: y\r"), false},
    {T("X: y\rz\r\n"), false},
    {T("X: y\r\r\n"), false},
    {T("X: y\n z\r\n"), false},
    {T("X: y\0\r\n"), false},
};

static void
knows_valid_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(valid_cases); i++) {
		const struct valid_case *c = &valid_cases[i];

		expect_number(c->text, "valid",
		    header_line_is_valid(c->text.p, c->text.len), c->valid);
	}
}

static void
only_received_wants_the_top(void **state)
{
	(void)state;
	assert_true(header_line_wants_top("Received: by us"));
	assert_true(header_line_wants_top("RECEIVED:"));
	assert_false(header_line_wants_top("Received"));
	assert_false(header_line_wants_top("Received-SPF: x"));
	assert_false(header_line_wants_top("X-Received: x"));
	assert_false(header_line_wants_top(""));
}

static void
asks_for_our_address_only_when_it_is_shown(void **state)
{
	(void)state;
	assert_true(header_line_wants_local_ip("X: %l"));
	assert_false(header_line_wants_local_ip("X: %i"));
	assert_false(header_line_wants_local_ip(""));
}

static void
makes_a_line_or_none(void **state)
{
	struct strbuf out = {0};

	(void)state;
	header_line_make("X: %i %l", "192.0.2.7", "192.0.2.1", &out);
	assert_string_equal(strbuf_str(&out), "X: 192.0.2.7 192.0.2.1\r\n");
	strbuf_clear(&out);
	header_line_make("", "192.0.2.7", "192.0.2.1", &out);
	assert_int_equal(out.len, 0);
	/* A name of a local client that would be a line of its own. */
	header_line_make("X: %i", "/a\nY: b", "", &out);
	assert_int_equal(out.len, 0);
	strbuf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(expands_templates),
	    cmocka_unit_test(appends_to_what_is_there),
	    cmocka_unit_test(takes_values_as_they_are),
	    cmocka_unit_test(writes_zones_with_their_minutes),
	    cmocka_unit_test(writes_dates_as_asctime),
	    cmocka_unit_test(knows_valid_fields),
	    cmocka_unit_test(only_received_wants_the_top),
	    cmocka_unit_test(asks_for_our_address_only_when_it_is_shown),
	    cmocka_unit_test(makes_a_line_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
