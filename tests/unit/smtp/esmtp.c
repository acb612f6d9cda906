/*
 * Service extensions that the client may see, and those it must not.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/esmtp.h"

#include "tests/unit/unit.h"

static const struct {
	struct text text; /* behind "250-" */
	enum esmtp_keyword keyword;
} cases[] = {
    {T("CHUNKING"), ESMTP_FILTERED},
    {T("BINARYMIME"), ESMTP_FILTERED},
    {T("CHECKPOINT"), ESMTP_FILTERED},
    {T("STARTTLS"), ESMTP_FILTERED},
    {T("XEXCH50"), ESMTP_FILTERED},
    {T("BURL imap"), ESMTP_FILTERED},
    {T("TURN"), ESMTP_FILTERED},
    {T("ATRN"), ESMTP_FILTERED},
    {T("XCLIENT NAME ADDR"), ESMTP_XCLIENT},
    {T("XCLIENT"), ESMTP_XCLIENT},
    {T("PIPELINING"), ESMTP_PIPELINING},
    /* Case, blanks and parameters do not matter. */
    {T("chunking"), ESMTP_FILTERED},
    {T("StartTLS"), ESMTP_FILTERED},
    {T("xclient addr"), ESMTP_XCLIENT},
    {T("pipelining"), ESMTP_PIPELINING},
    {T("  STARTTLS"), ESMTP_FILTERED},
    {T("\tSTARTTLS"), ESMTP_FILTERED},
    {T("STARTTLS "), ESMTP_FILTERED},
    {T("STARTTLS\r"), ESMTP_FILTERED},
    {T("CHUNKING\tx"), ESMTP_FILTERED},
    {T("CHUNKING x y"), ESMTP_FILTERED},
    /* What is not known is hidden, and so is what only looks like it. */
    {T("PRDR"), ESMTP_FILTERED},
    {T("REQUIRETLS"), ESMTP_FILTERED},
    {T("X-EXPS GSSAPI"), ESMTP_FILTERED},
    {T("STARTTLS=x"), ESMTP_FILTERED},
    {T("PIPELININGX"), ESMTP_FILTERED},
    {T("SIZE=1"), ESMTP_FILTERED},
    {T("AUTHX"), ESMTP_FILTERED},
    {T("XCLIENTS"), ESMTP_FILTERED},
    {T("X SIZE"), ESMTP_FILTERED},
    {T(""), ESMTP_FILTERED},
    {T(" "), ESMTP_FILTERED},
    {T("XFORWARD NAME ADDR"), ESMTP_XFORWARD},
    {T("AUTH PLAIN LOGIN"), ESMTP_PASSED},
    {T("AUTH=PLAIN"), ESMTP_PASSED},
    {T("SIZE 10240000"), ESMTP_SIZE},
    {T("size"), ESMTP_SIZE},
    {T("8BITMIME"), ESMTP_PASSED},
    {T("DSN"), ESMTP_PASSED},
    {T("SMTPUTF8"), ESMTP_PASSED},
    {T("ETRN"), ESMTP_PASSED},
    {T("VRFY"), ESMTP_PASSED},
    {T("ENHANCEDSTATUSCODES"), ESMTP_CODES},
    {T("LIMITS RCPTMAX=10"), ESMTP_PASSED},
    {T("MT-PRIORITY MIXER"), ESMTP_PASSED},
    {T("EXPN"), ESMTP_PASSED},
    {T("HELP"), ESMTP_PASSED},
    {T("DELIVERBY 240"), ESMTP_PASSED},
    {T("FUTURERELEASE 1 2"), ESMTP_PASSED},
    {T("NO-SOLICITING"), ESMTP_PASSED},
    {T("RRVS"), ESMTP_PASSED},
    {T("XVERP"), ESMTP_PASSED},
};

static void
judges_keywords(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_number(cases[i].text, "keyword",
		    esmtp_judge(cases[i].text.p, cases[i].text.len),
		    cases[i].keyword);
}

static void
hides_parameters(void **state)
{
	static const struct {
		struct text arg;
		bool hidden;
	} params[] = {
	    {T("FROM:<a@b> PRDR"), true},
	    {T("FROM:<a@b> prdr SIZE=1"), true},
	    {T("FROM:<a@b>PRDR"), true},
	    {T("FROM: a@b\tPRDR"), true},
	    {T("FROM:<> SIZE=1 BODY=BinaryMIME"), true},
	    {T("FROM:<a@b> TRANSID=<x@y>"), true},
	    {T("TO:<a@b> REQUIRETLS"), true},
	    {T("FROM:<a@b PRDR"), true},
	    {T("FROM:<\"a@b PRDR"), true},
	    {T("PRDR"), false},
	    {T("FROM:<a@b>"), false},
	    {T("FROM:<a@b> SIZE=1 BODY=8BITMIME"), false},
	    {T("FROM:<a@b> ENVID=PRDR"), false},
	    {T("FROM:<a@b> PRDRX XPRDR"), false},
	    {T("FROM:<\"x PRDR y\"@b>"), false},
	    {T("FROM:<\"x\\\" > PRDR y\"@b>"), false},
	    {T("FROM:PRDR"), false},
	    {T(""), false},
	    {T(":"), false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(params); i++)
		expect_number(params[i].arg, "hidden",
		    esmtp_hides_parameter(params[i].arg.p, params[i].arg.len),
		    params[i].hidden);
}

static void
reads_sizes(void **state)
{
	static const struct {
		struct text text;
		unsigned long long size;
	} sizes[] = {
	    {T("SIZE 10240000"), 10240000},
	    {T("SIZE"), 0},
	    {T("SIZE 0"), 0},
	    {T("size\t00042 more"), 42},
	    {T("SIZE x"), 0},
	    {T("SIZE 1k"), 0},
	    {T("SIZE -5"), 0},
	    {T("SIZE +5"), 0},
	    {T("SIZE =5"), 0},
	    {T("SIZE \t 5\t"), 5},
	    {T("SIZE 999999999999999999"), 999999999999999999},
	    {T("SIZE 1000000000000000000"), 0},
	    {T("SIZE 99999999999999999999999999"), 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		expect_number(sizes[i].text, "size",
		    (long long)esmtp_size(sizes[i].text.p, sizes[i].text.len),
		    (long long)sizes[i].size);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_keywords),
	    cmocka_unit_test(reads_sizes),
	    cmocka_unit_test(hides_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
