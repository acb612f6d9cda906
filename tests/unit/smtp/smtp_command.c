/*
 * Command lines: verbs, arguments and what no command may have in it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/smtp_command.h"

#include "tests/unit/unit.h"

struct command_case {
	struct text line;
	enum smtp_verb verb;
	struct text arg;
};

/* FACTS of 1.10; RFC 5321 2.4, 4.1.1. */
static const struct command_case command_cases[] = {
    {T("EHLO me"), SMTP_EHLO, T("me")},
    {T("ehlo me"), SMTP_EHLO, T("me")},
    {T("eHlO"), SMTP_EHLO, T("")},
    {T("HELO me"), SMTP_HELO, T("me")},
    {T("MAIL FROM:<a@b> SIZE=1"), SMTP_MAIL, T("FROM:<a@b> SIZE=1")},
    {T("RCPT TO:<a@b>"), SMTP_RCPT, T("TO:<a@b>")},
    {T("DATA"), SMTP_DATA, T("")},
    {T("data now"), SMTP_DATA, T("now")},
    {T("RSET"), SMTP_RSET, T("")},
    {T("QUIT"), SMTP_QUIT, T("")},
    {T("AUTH PLAIN AGEAYg=="), SMTP_AUTH, T("PLAIN AGEAYg==")},
    {T("XFORWARD ADDR=1 HELO=h"), SMTP_XFORWARD, T("ADDR=1 HELO=h")},
    {T("XCLIENT ADDR=1"), SMTP_XCLIENT, T("ADDR=1")},
    {T("BDAT 10 LAST"), SMTP_BDAT, T("10 LAST")},
    {T("bdat 0"), SMTP_BDAT, T("0")},
    {T("STARTTLS"), SMTP_REFUSED, T("")},
    {T("StartTls"), SMTP_REFUSED, T("")},
    {T("XEXCH50 2 2"), SMTP_REFUSED, T("2 2")},
    {T("BURL imap://x LAST"), SMTP_REFUSED, T("imap://x LAST")},
    {T("TURN"), SMTP_REFUSED, T("")},
    {T("ATRN x"), SMTP_REFUSED, T("x")},
    /* The server's business. */
    {T("NOOP"), SMTP_OTHER, T("")},
    {T("VRFY a"), SMTP_OTHER, T("a")},
    {T("EXPN a"), SMTP_OTHER, T("a")},
    {T("HELP"), SMTP_OTHER, T("")},
    {T("ETRN x"), SMTP_OTHER, T("x")},
    {T("\303\251"), SMTP_OTHER, T("")},
    {T(""), SMTP_OTHER, T("")},
    {T("   "), SMTP_OTHER, T("")},
    /* White space. */
    {T(" \tDATA"), SMTP_DATA, T("")},
    {T("DATA \t "), SMTP_DATA, T("")},
    {T("\v\fBDAT 3"), SMTP_BDAT, T("3")},
    {T("BDAT\t3"), SMTP_BDAT, T("3")},
    {T("STARTTLS\v"), SMTP_REFUSED, T("")},
    {T("MAIL \t FROM:<a b>  "), SMTP_MAIL, T("FROM:<a b>")},
    /* The verb is a whole word. */
    {T("DATAX"), SMTP_OTHER, T("")},
    {T("DAT"), SMTP_OTHER, T("")},
    {T("EHLOX me"), SMTP_OTHER, T("me")},
    {T("STARTTLS:"), SMTP_OTHER, T("")},
    {T("DATA\0"), SMTP_OTHER, T("")},
    {T("D ATA"), SMTP_OTHER, T("ATA")},
};

static void
parses_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(command_cases); i++) {
		const struct command_case *k = &command_cases[i];
		struct smtp_command c =
		    smtp_command_parse(k->line.p, k->line.len);

		expect_number(k->line, "verb", c.verb, k->verb);
		expect_text(k->line, c.arg, c.arg_len, k->arg);
		assert_true(c.arg >= k->line.p &&
		    c.arg + c.arg_len <= k->line.p + k->line.len);
	}
}

/* A line that was cut is never another command that bypasses the scan. */
static void
reads_nothing_behind_the_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(command_cases); i++) {
		const struct text line = command_cases[i].line;

		for (size_t cut = 0; cut <= line.len; cut++) {
			char *copy = malloc(cut + 1);
			struct smtp_command c;

			assert_non_null(copy);
			memcpy(copy, line.p, cut);
			copy[cut] = 'X';
			c = smtp_command_parse(copy, cut);
			assert_true(
			    c.arg >= copy && c.arg + c.arg_len <= copy + cut);
			free(copy);
		}
	}
}

static void
finds_stray_octets(void **state)
{
	static const struct {
		struct text line;
		bool stray;
	} cases[] = {
	    {T(""), false},
	    {T("NOOP"), false},
	    {T("NOOP \303\251\t\033"), false},
	    {T("\r"), true},
	    {T("NOOP\r"), true},
	    {T("NOOP a\rNOOP b"), true},
	    {T("\0"), true},
	    {T("NOOP \0a"), true},
	    {T("NOOP\0"), true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_number(cases[i].line, "stray",
		    smtp_command_has_stray(cases[i].line.p, cases[i].line.len),
		    cases[i].stray);
}

static void
reads_bdat_sizes(void **state)
{
	static const struct {
		struct text arg;
		long long octets; /* -1: none */
	} cases[] = {
	    {T("0"), 0},
	    {T("0 LAST"), 0},
	    {T("10"), 10},
	    {T("86 LAST"), 86},
	    {T("86\tLAST"), 86},
	    {T("0000000086"), 86},
	    {T("4294967296"), 4294967296},
	    {T("999999999999999999"), 999999999999999999},
	    {T("18446744073709551616"), -1},
	    {T("99999999999999999999999 LAST"), -1},
	    {T(""), -1},
	    {T("LAST"), -1},
	    {T("-1"), -1},
	    {T("+1"), -1},
	    {T("1x"), -1},
	    {T("1.5"), -1},
	    {T("0x10"), -1},
	    {T(" 1"), -1},
	    {T("1\0"), -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned long long n = 0;
		int rc = smtp_command_bdat_size(
		    cases[i].arg.p, cases[i].arg.len, &n);

		expect_number(cases[i].arg, "octets",
		    rc == 0 ? (long long)n : -1, cases[i].octets);
	}
}

/* RFC 2920 3.1: of our verbs, only these may stand within a group. */
static void
knows_what_may_be_grouped(void **state)
{
	(void)state;
	for (int v = SMTP_EHLO; v <= SMTP_OTHER; v++)
		assert_int_equal(
		    smtp_command_may_be_followed((enum smtp_verb)v),
		    v == SMTP_MAIL || v == SMTP_RCPT || v == SMTP_RSET);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_commands),
	    cmocka_unit_test(reads_nothing_behind_the_line),
	    cmocka_unit_test(finds_stray_octets),
	    cmocka_unit_test(reads_bdat_sizes),
	    cmocka_unit_test(knows_what_may_be_grouped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
