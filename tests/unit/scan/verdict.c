/*
 * What clamd's answers mean: clean is one answer only, and no part of another.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/verdict.h"

#include "tests/unit/unit.h"

#define LIMIT "Heuristics.Limits.Exceeded"
#define PATH "/tmp/clamsmtpd.a1B2c3"

struct answer_case {
	const char *subject;
	struct text answer;
	enum scan_verdict verdict;
	const char *name; /* NULL: none */
	const char *line;
};

static const struct answer_case cases[] = {
    /* Clean. */
    {"stream", T("stream: OK\n"), SCAN_CLEAN, NULL, "stream: OK"},
    {"stream", T("stream: OK\0"), SCAN_CLEAN, NULL, "stream: OK"},
    {PATH, T(PATH ": OK\0"), SCAN_CLEAN, NULL, PATH ": OK"},
    {PATH, T(PATH ": OK\n"), SCAN_CLEAN, NULL, PATH ": OK"},
    {"a: OK", T("a: OK: OK\n"), SCAN_CLEAN, NULL, "a: OK: OK"},
    /* Infected. */
    {"stream", T("stream: Eicar-Test-Signature FOUND\n"), SCAN_INFECTED,
	"Eicar-Test-Signature", "stream: Eicar-Test-Signature FOUND"},
    {PATH, T(PATH ": Win.Test.EICAR_HDB-1 FOUND\0"), SCAN_INFECTED,
	"Win.Test.EICAR_HDB-1", PATH ": Win.Test.EICAR_HDB-1 FOUND"},
    {"stream", T("stream: Two  Words FOUND\n"), SCAN_INFECTED, "Two  Words",
	"stream: Two  Words FOUND"},
    {"stream", T("stream:  Blanks  FOUND \n"), SCAN_INFECTED, "Blanks",
	"stream:  Blanks  FOUND"},
    {"stream", T("stream: FOUND\n"), SCAN_INFECTED, "", "stream: FOUND"},
    {"stream", T("stream: a: b FOUND\n"), SCAN_INFECTED, "a: b",
	"stream: a: b FOUND"},
    {"stream", T("stream: OK FOUND\n"), SCAN_INFECTED, "OK",
	"stream: OK FOUND"},
    {"stream", T("stream: X FOUND FOUND\n"), SCAN_INFECTED, "X FOUND",
	"stream: X FOUND FOUND"},
    {"stream", T("stream: X FOUND\r\n"), SCAN_INFECTED, "X", "stream: X FOUND"},
    /* Infected, but by a name that cannot be told. */
    {"stream", T("other: X FOUND\n"), SCAN_INFECTED, NULL, "other: X FOUND"},
    {"stream", T("X FOUND\n"), SCAN_INFECTED, NULL, "X FOUND"},
    {"stream", T("stream X FOUND\n"), SCAN_INFECTED, NULL, "stream X FOUND"},
    {"stream", T("streams: X FOUND\n"), SCAN_INFECTED, NULL,
	"streams: X FOUND"},
    {"stream", T("Stream: X FOUND\n"), SCAN_INFECTED, NULL, "Stream: X FOUND"},
    {PATH, T("/tmp/clamsmtpd.a1B2c4: X FOUND\n"), SCAN_INFECTED, NULL,
	"/tmp/clamsmtpd.a1B2c4: X FOUND"},
    {"stream", T(" FOUND\n"), SCAN_FAILED, NULL, "FOUND"},
    /* In one of several lines. */
    {"stream", T("stream: OK\nstream: X FOUND\n"), SCAN_INFECTED, "X",
	"stream: X FOUND"},
    {"stream", T("stream: X FOUND\nstream: OK\n"), SCAN_INFECTED, "X",
	"stream: X FOUND"},
    {"stream", T("stream: OK\0stream: X FOUND\0"), SCAN_INFECTED, "X",
	"stream: X FOUND"},
    {"stream", T("junk\n\nstream: X FOUND\n"), SCAN_INFECTED, "X",
	"stream: X FOUND"},
    /* What only looks like clean. */
    {"stream", T(""), SCAN_FAILED, NULL, ""},
    {"stream", T("\n"), SCAN_FAILED, NULL, ""},
    {"stream", T("\0"), SCAN_FAILED, NULL, ""},
    {"stream", T("stream: OK"), SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T("OK\n"), SCAN_FAILED, NULL, "OK"},
    {"stream", T(": OK\n"), SCAN_FAILED, NULL, ": OK"},
    {"stream", T("stream: ok\n"), SCAN_FAILED, NULL, "stream: ok"},
    {"stream", T("stream: NOTOK\n"), SCAN_FAILED, NULL, "stream: NOTOK"},
    {"stream", T("stream: OKAY\n"), SCAN_FAILED, NULL, "stream: OKAY"},
    {"stream", T("stream:OK\n"), SCAN_FAILED, NULL, "stream:OK"},
    {"stream", T("stream:  OK\n"), SCAN_FAILED, NULL, "stream:  OK"},
    {"stream", T("stream: OK \n"), SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T("stream: OK\r\n"), SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T(" stream: OK\n"), SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T("\nstream: OK\n"), SCAN_FAILED, NULL, ""},
    {"stream", T("stream: OK\n\n"), SCAN_FAILED, NULL, "stream: OK"},
    {"fd[]", T("fd[11]: OK\0"), SCAN_CLEAN, NULL, "fd[11]: OK"},
    {"fd[]", T("fd[0]: OK\0"), SCAN_CLEAN, NULL, "fd[0]: OK"},
    {"fd[]", T("fd[11]: X FOUND\0"), SCAN_INFECTED, "X", "fd[11]: X FOUND"},
    {"fd[]", T("fd[x]: X FOUND\0"), SCAN_INFECTED, NULL, "fd[x]: X FOUND"},
    {"fd[]", T("fd[]: OK\0"), SCAN_FAILED, NULL, "fd[]: OK"},
    {"fd[]", T("fd[1x]: OK\0"), SCAN_FAILED, NULL, "fd[1x]: OK"},
    {"fd[]", T("fd[1: OK\0"), SCAN_FAILED, NULL, "fd[1: OK"},
    {"fd[]", T("fd[1\0"), SCAN_FAILED, NULL, "fd[1"},
    {"fd[]", T("fd[1]OK\0"), SCAN_FAILED, NULL, "fd[1]OK"},
    {"fd[]", T("fd: OK\0"), SCAN_FAILED, NULL, "fd: OK"},
    {"fd[]", T("stream: OK\0"), SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T("fd[1]: OK\0"), SCAN_FAILED, NULL, "fd[1]: OK"},
    {"", T(": OK\0"), SCAN_FAILED, NULL, ": OK"},
    {"stream", T("stream: OK\n\0"), SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T("stream: OK\nx"), SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T("stream: OK\nstream: OK\n"), SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T("Stream: OK\n"), SCAN_FAILED, NULL, "Stream: OK"},
    {"stream", T("streams: OK\n"), SCAN_FAILED, NULL, "streams: OK"},
    {"stream", T("tream: OK\n"), SCAN_FAILED, NULL, "tream: OK"},
    {"stream", T("/other: OK\n"), SCAN_FAILED, NULL, "/other: OK"},
    {"stream", T("stream: X FOUND stream: OK\n"), SCAN_FAILED, NULL,
	"stream: X FOUND stream: OK"},
    {"stream", T("a FOUND b OK\n"), SCAN_FAILED, NULL, "a FOUND b OK"},
    {PATH, T("stream: OK\n"), SCAN_FAILED, NULL, "stream: OK"},
    {PATH, T("/tmp/clamsmtpd.a1B2c4: OK\n"), SCAN_FAILED, NULL,
	"/tmp/clamsmtpd.a1B2c4: OK"},
    /* What clamd did not look at. */
    {"stream", T("INSTREAM size limit exceeded. ERROR\n"), SCAN_OVERSIZE,
	"StreamMaxLength", "INSTREAM size limit exceeded. ERROR"},
    {"stream", T("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\n"),
	SCAN_OVERSIZE, LIMIT ".MaxFileSize",
	"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND"},
    {PATH, T(PATH ": Heuristics.Limits.Exceeded.MaxScanTime FOUND\0"),
	SCAN_OVERSIZE, LIMIT ".MaxScanTime",
	PATH ": Heuristics.Limits.Exceeded.MaxScanTime FOUND"},
    {"stream", T("stream: Heuristics.Limits.Exceeded FOUND\n"), SCAN_OVERSIZE,
	"Heuristics.Limits.Exceeded",
	"stream: Heuristics.Limits.Exceeded FOUND"},
    {"stream", T("stream: Heuristics.Limits.Exceeded. FOUND\n"), SCAN_OVERSIZE,
	"Heuristics.Limits.Exceeded.",
	"stream: Heuristics.Limits.Exceeded. FOUND"},
    {"stream", T("other: Heuristics.Limits.Exceeded.MaxFiles FOUND\n"),
	SCAN_OVERSIZE, LIMIT ".MaxFiles",
	"other: Heuristics.Limits.Exceeded.MaxFiles FOUND"},
    {"stream", T("Heuristics.Limits.Exceeded.MaxFiles FOUND\n"), SCAN_OVERSIZE,
	LIMIT ".MaxFiles", "Heuristics.Limits.Exceeded.MaxFiles FOUND"},
    {"stream", T("stream: Heuristics.Limits.ExceededX FOUND\n"), SCAN_OVERSIZE,
	"Heuristics.Limits.ExceededX",
	"stream: Heuristics.Limits.ExceededX FOUND"},
    {"stream", T("stream: X.Heuristics.Limits.Exceeded FOUND\n"), SCAN_INFECTED,
	"X.Heuristics.Limits.Exceeded",
	"stream: X.Heuristics.Limits.Exceeded FOUND"},
    {"stream", T("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND"),
	SCAN_FAILED, NULL,
	"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND"},
    {"stream", T("stream: Heuristics.Limits.Exceeded FOUND\nstream: X FOUND\n"),
	SCAN_INFECTED, "X", "stream: X FOUND"},
    {"stream", T("stream: Heuristics.Limits.Exceeded FOUND\nstream: OK\n"),
	SCAN_FAILED, NULL, "stream: Heuristics.Limits.Exceeded FOUND"},
    {"stream", T("stream: OK\nINSTREAM size limit exceeded. ERROR\n"),
	SCAN_FAILED, NULL, "stream: OK"},
    {"stream", T("INSTREAM size limit exceeded. ERROR"), SCAN_FAILED, NULL,
	"INSTREAM size limit exceeded. ERROR"},
    {"stream", T("size limit exceeded. ERROR\n"), SCAN_FAILED, NULL,
	"size limit exceeded. ERROR"},
    /* Failures. */
    {PATH, T(PATH ": Can't access file ERROR\n"), SCAN_FAILED, NULL,
	PATH ": Can't access file ERROR"},
    {"stream", T("UNKNOWN COMMAND\n"), SCAN_FAILED, NULL, "UNKNOWN COMMAND"},
    {PATH, T(PATH ": Empty file\n"), SCAN_FAILED, NULL, PATH ": Empty file"},
    {PATH, T(PATH ": Excluded\n"), SCAN_FAILED, NULL, PATH ": Excluded"},
    {"stream", T("stream: X FOUND extra\n"), SCAN_FAILED, NULL,
	"stream: X FOUND extra"},
    {"stream", T("stream: XFOUND\n"), SCAN_FAILED, NULL, "stream: XFOUND"},
    {"stream", T("stream: X FOUND"), SCAN_FAILED, NULL, "stream: X FOUND"},
    {"stream", T("stream: X FOUN\n"), SCAN_FAILED, NULL, "stream: X FOUN"},
    {"stream", T("COMMAND READ TIMED OUT\n"), SCAN_FAILED, NULL,
	"COMMAND READ TIMED OUT"},
};

static void
judges_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct answer_case *c = &cases[i];
		struct verdict v =
		    verdict_parse(c->answer.p, c->answer.len, c->subject);

		expect_number(c->answer, "verdict", v.verdict, c->verdict);
		expect_text(c->answer, v.line, v.line_len,
		    (struct text){c->line, strlen(c->line)});
		expect_number(c->answer, "named", v.named,
		    c->verdict == SCAN_INFECTED && c->name != NULL);
		if (c->name != NULL)
			expect_text(c->answer, v.name, v.name_len,
			    (struct text){c->name, strlen(c->name)});
	}
}

static const struct {
	struct text answer;
	const char *limit;
} limits[] = {
    {T("INSTREAM size limit exceeded. ERROR\n"), "StreamMaxLength"},
    {T("stream: " LIMIT ".MaxFileSize FOUND\n"), "MaxFileSize"},
    {T("other: " LIMIT ".Max.Two FOUND\n"), "Max.Two"},
    {T(LIMIT " FOUND\n"), LIMIT},
    {T(LIMIT ". FOUND\n"), LIMIT "."},
};

static void
tells_the_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		const struct text answer = limits[i].answer;
		struct verdict v =
		    verdict_parse(answer.p, answer.len, "stream");

		expect_number(answer, "verdict", v.verdict, SCAN_OVERSIZE);
		expect_text(answer, v.limit, v.limit_len,
		    (struct text){limits[i].limit, strlen(limits[i].limit)});
	}
}

/* What has not wholly arrived is never clean. */
static void
no_part_of_a_line_is_clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text answer = cases[i].answer;

		for (size_t cut = 0; cut < answer.len; cut++) {
			struct verdict v =
			    verdict_parse(answer.p, cut, cases[i].subject);

			if (cut > 0 &&
			    (answer.p[cut - 1] == '\n' ||
				answer.p[cut - 1] == '\0'))
				continue;
			expect_number((struct text){answer.p, cut}, "clean",
			    v.verdict == SCAN_CLEAN, false);
		}
	}
}

/* Every single octet changed makes it something else. */
static void
clean_has_no_neighbours(void **state)
{
	static const char clean[] = "stream: OK\n";
	const size_t len = sizeof clean - 1;

	(void)state;
	for (size_t i = 0; i < len; i++)
		for (int octet = 0; octet < 256; octet++) {
			char answer[sizeof clean];
			struct verdict v;

			memcpy(answer, clean, sizeof clean);
			answer[i] = (char)octet;
			v = verdict_parse(answer, len, "stream");
			if (answer[i] == clean[i] ||
			    (i == len - 1 && octet == 0))
				assert_int_equal(v.verdict, SCAN_CLEAN);
			else
				expect_number((struct text){answer, len},
				    "clean", v.verdict == SCAN_CLEAN, false);
		}
}

static void
knows_when_a_line_is_there(void **state)
{
	(void)state;
	assert_false(verdict_is_complete("", 0));
	assert_false(verdict_is_complete("stream: OK", 10));
	assert_true(verdict_is_complete("stream: OK\n", 11));
	assert_true(verdict_is_complete("stream: OK\0", 11));
	assert_true(verdict_is_complete("a\nb", 3));
	assert_true(verdict_is_complete("\n", 1));
	assert_false(verdict_is_complete("stream: OK\r", 11));
	assert_false(verdict_is_complete("stream: OK\n", 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_answers),
	    cmocka_unit_test(tells_the_limit),
	    cmocka_unit_test(no_part_of_a_line_is_clean),
	    cmocka_unit_test(clean_has_no_neighbours),
	    cmocka_unit_test(knows_when_a_line_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
