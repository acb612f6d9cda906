/*
 * Command lines: verbs, arguments and what no command may have in it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/smtp_command.h"

#include "tests/unit/unit.h"

struct command_case {
	struct text line;
	struct text verb;
	struct text arg;
};

/* FACTS of 1.10; RFC 5321 2.4, 4.1.1. */
static const struct command_case command_cases[] = {
    {T("EHLO me"), T("EHLO"), T("me")},
    {T("ehlo me"), T("ehlo"), T("me")},
    {T("eHlO"), T("eHlO"), T("")},
    {T("HELO me"), T("HELO"), T("me")},
    {T("MAIL FROM:<a@b> SIZE=1"), T("MAIL"), T("FROM:<a@b> SIZE=1")},
    {T("RCPT TO:<a@b>"), T("RCPT"), T("TO:<a@b>")},
    {T("DATA"), T("DATA"), T("")},
    {T("data now"), T("data"), T("now")},
    {T("RSET"), T("RSET"), T("")},
    {T("QUIT"), T("QUIT"), T("")},
    {T("AUTH PLAIN AGEAYg=="), T("AUTH"), T("PLAIN AGEAYg==")},
    {T("XFORWARD ADDR=1 HELO=h"), T("XFORWARD"), T("ADDR=1 HELO=h")},
    {T("XCLIENT ADDR=1"), T("XCLIENT"), T("ADDR=1")},
    {T("BDAT 10 LAST"), T("BDAT"), T("10 LAST")},
    {T("bdat 0"), T("bdat"), T("0")},
    {T("STARTTLS"), T("STARTTLS"), T("")},
    {T("StartTls"), T("StartTls"), T("")},
    {T("XEXCH50 2 2"), T("XEXCH50"), T("2 2")},
    {T("BURL imap://x LAST"), T("BURL"), T("imap://x LAST")},
    {T("TURN"), T("TURN"), T("")},
    {T("ATRN x"), T("ATRN"), T("x")},
    /* The server's business. */
    {T("NOOP"), T("NOOP"), T("")},
    {T("VRFY a"), T("VRFY"), T("a")},
    {T("EXPN a"), T("EXPN"), T("a")},
    {T("HELP"), T("HELP"), T("")},
    {T("ETRN x"), T("ETRN"), T("x")},
    {T("\303\251"), T("\303\251"), T("")},
    {T(""), T(""), T("")},
    {T("   "), T(""), T("")},
    /* White space. */
    {T(" \tDATA"), T("DATA"), T("")},
    {T("DATA \t "), T("DATA"), T("")},
    {T("\v\fBDAT 3"), T("BDAT"), T("3")},
    {T("BDAT\t3"), T("BDAT"), T("3")},
    {T("STARTTLS\v"), T("STARTTLS"), T("")},
    {T("MAIL \t FROM:<a b>  "), T("MAIL"), T("FROM:<a b>")},
    /* The verb is a whole word. */
    {T("DATAX"), T("DATAX"), T("")},
    {T("DAT"), T("DAT"), T("")},
    {T("EHLOX me"), T("EHLOX"), T("me")},
    {T("STARTTLS:"), T("STARTTLS:"), T("")},
    {T("DATA\0"), T("DATA\0"), T("")},
    {T("D ATA"), T("D"), T("ATA")},
};

static void
parses_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(command_cases); i++) {
		const struct command_case *k = &command_cases[i];
		struct smtp_command c =
		    smtp_command_parse(k->line.p, k->line.len);

		expect_text(k->line, c.verb, c.verb_len, k->verb);
		expect_text(k->line, c.arg, c.arg_len, k->arg);
		assert_true(c.arg >= k->line.p &&
		    c.arg + c.arg_len <= k->line.p + k->line.len);
	}
}

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
			assert_true(c.verb >= copy &&
			    c.verb + c.verb_len <= copy + cut);
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

static void
finds_malformed_verbs(void **state)
{
	static const struct {
		struct text line;
		bool malformed;
	} cases[] = {
	    {T(""), false},
	    {T("  "), false},
	    {T("NOOP"), false},
	    {T(" \tnoop x:y"), false},
	    {T("NOOP\t\v"), false},
	    {T("X-FOO1 _"), false},
	    {T("STARTTLS:"), true},
	    {T("NO\vOP"), true},
	    {T("\vNOOP"), true},
	    {T("NOOP\v"), true},
	    {T("MA_IL x"), true},
	    {T("\303\251"), true},
	    {T("\026\003\001"), true},
	    {T("DATA\0"), true},
	    {T("<a>"), true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_number(cases[i].line, "malformed",
		    smtp_command_is_malformed(
			cases[i].line.p, cases[i].line.len),
		    cases[i].malformed);
}

static void
finds_request_lines_of_http(void **state)
{
	static const struct {
		struct text line;
		bool http;
	} cases[] = {
	    {T("GET / HTTP/1.1"), true},
	    {T("get"), true},
	    {T("POST /"), true},
	    {T("CONNECT mx:25 HTTP/1.1"), true},
	    {T("PUT /x"), true},
	    {T("PROPFIND /x HTTP/1.1"), true},
	    {T("PRI * HTTP/2.0"), true},
	    {T("X http/1.0"), true},
	    {T("GETX /"), false},
	    {T("X HTTP"), false},
	    {T("FOO"), false},
	    {T(""), false},
	    {T("NOOP HTTP/1.1"), false},
	    {T("vrfy HTTP/1.1"), false},
	    {T("HELP GET"), false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct smtp_command c =
		    smtp_command_parse(cases[i].line.p, cases[i].line.len);

		expect_number(cases[i].line, "HTTP", smtp_command_is_http(&c),
		    cases[i].http);
	}
}

/* RFC 2920 3.1: without PIPELINING nothing but QUIT may be said unasked. */
static void
knows_what_may_stand_behind(void **state)
{
	(void)state;
	for (int p = 0; p <= 1; p++) {
		assert_int_equal(smtp_command_behind(SMTP_BEHIND_NOTHING, p),
		    SMTP_BEHIND_NOTHING);
		assert_int_equal(
		    smtp_command_behind(SMTP_BEHIND_QUIT, p), SMTP_BEHIND_QUIT);
		assert_int_equal(smtp_command_behind(SMTP_BEHIND_CHUNK, p),
		    SMTP_BEHIND_CHUNK);
	}
	assert_int_equal(smtp_command_behind(SMTP_BEHIND_ANYTHING, true),
	    SMTP_BEHIND_ANYTHING);
	assert_int_equal(
	    smtp_command_behind(SMTP_BEHIND_ANYTHING, false), SMTP_BEHIND_QUIT);
}

static void
knows_what_may_wait(void **state)
{
	static const struct {
		struct text unread;
		bool behind_quit, finds_quit;
	} cases[] = {
	    {T("QUIT\r\n"), true, true},
	    {T("quit\n"), true, true},
	    {T("QUIT\r\nNOOP\r\n"), true, true},
	    {T("QU"), true, false},
	    {T("quit"), true, false},
	    {T("QUIT\r"), true, false},
	    {T("QUIT "), true, false},
	    {T(" \tquit x"), true, false},
	    {T("QUIT\rX"), true, false},
	    {T("QUITTER"), false, false},
	    {T("QUITE\r\n"), false, false},
	    {T("N"), false, false},
	    {T("\r\n"), false, false},
	    {T("\r\nQUIT\r\n"), false, true},
	    {T("NOOP QUIT\r\n"), false, false},
	    {T("NOOP\r\nRSET\r\n quit \r\n"), false, true},
	    {T("NOOP\r\nQUIT"), false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text t = cases[i].unread;

		expect_number(t, "behind QUIT",
		    smtp_command_may_wait(SMTP_BEHIND_QUIT, t.p, t.len),
		    cases[i].behind_quit);
		expect_number(t, "behind nothing",
		    smtp_command_may_wait(SMTP_BEHIND_NOTHING, t.p, t.len),
		    false);
		expect_number(t, "behind anything",
		    smtp_command_may_wait(SMTP_BEHIND_ANYTHING, t.p, t.len),
		    true);
		expect_number(t, "QUIT", smtp_command_finds_quit(t.p, t.len),
		    cases[i].finds_quit);
	}
	for (int b = SMTP_BEHIND_NOTHING; b <= SMTP_BEHIND_CHUNK; b++)
		assert_true(smtp_command_may_wait((enum smtp_behind)b, "", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_commands),
	    cmocka_unit_test(reads_nothing_behind_the_line),
	    cmocka_unit_test(finds_stray_octets),
	    cmocka_unit_test(reads_bdat_sizes),
	    cmocka_unit_test(finds_malformed_verbs),
	    cmocka_unit_test(finds_request_lines_of_http),
	    cmocka_unit_test(knows_what_may_stand_behind),
	    cmocka_unit_test(knows_what_may_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
