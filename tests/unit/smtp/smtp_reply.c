/*
 * Reply lines.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/smtp_reply.h"

#include "tests/unit/unit.h"

struct reply_case {
	struct text line;
	int code;
	bool last;
	struct text text;
};

/* RFC 5321 4.2, 4.2.1. */
static const struct reply_case cases[] = {
    {T("250 ok"), 250, true, T("ok")},
    {T("250-ok"), 250, false, T("ok")},
    {T("250"), 250, true, T("")},
    {T("250 "), 250, true, T("")},
    {T("250-"), 250, false, T("")},
    {T("250\tok"), 250, true, T("ok")},
    {T("354 go"), 354, true, T("go")},
    {T("421 4.3.2 bye - or not"), 421, true, T("4.3.2 bye - or not")},
    {T("554--"), 554, false, T("-")},
    {T("100 x"), 100, true, T("x")},
    {T("999 x"), 999, true, T("x")},
    {T("250  two"), 250, true, T(" two")},
    {T("250 \0x"), 250, true, T("\0x")},
    /* No reply lines. */
    {T(""), 0, true, T("")},
    {T("2"), 0, true, T("2")},
    {T("25"), 0, true, T("25")},
    {T("25 ok"), 0, true, T("25 ok")},
    {T("2500 ok"), 0, true, T("2500 ok")},
    {T("250ok"), 0, true, T("250ok")},
    {T("250\0ok"), 0, true, T("250\0ok")},
    {T("250_ok"), 0, true, T("250_ok")},
    {T("050 ok"), 0, true, T("050 ok")},
    {T("-250 ok"), 0, true, T("-250 ok")},
    {T(" 250 ok"), 0, true, T(" 250 ok")},
    {T("2a0 ok"), 0, true, T("2a0 ok")},
    {T("25a ok"), 0, true, T("25a ok")},
    {T("2 0-ok"), 0, true, T("2 0-ok")},
    {T("\262\265\260 ok"), 0, true, T("\262\265\260 ok")},
    {T("garbage"), 0, true, T("garbage")},
};

static void
parses_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct reply_case *c = &cases[i];
		struct smtp_reply_line r =
		    smtp_reply_parse(c->line.p, c->line.len);

		expect_number(c->line, "code", r.code, c->code);
		expect_number(c->line, "last", r.last, c->last);
		expect_text(c->line, r.text, r.text_len, c->text);
		assert_true(r.text >= c->line.p &&
		    r.text + r.text_len <= c->line.p + c->line.len);
	}
}

static void
reads_nothing_behind_the_line(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= 4; cut++) {
		struct smtp_reply_line r = smtp_reply_parse("250-ok", cut);

		assert_int_equal(r.code, cut < 3 ? 0 : 250);
		assert_int_equal(r.last, cut < 4);
	}
}

static void
only_2yz_is_positive(void **state)
{
	(void)state;
	for (int code = 0; code < 1000; code++)
		assert_int_equal(smtp_reply_is_positive(code), code / 100 == 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_lines),
	    cmocka_unit_test(reads_nothing_behind_the_line),
	    cmocka_unit_test(only_2yz_is_positive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
