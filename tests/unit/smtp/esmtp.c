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
    /* Whole words only; and all else passes. */
    {T("STARTTLS=x"), ESMTP_PASSED},
    {T("STARTTLSX"), ESMTP_PASSED},
    {T("STARTTL"), ESMTP_PASSED},
    {T("PIPELININGX"), ESMTP_PASSED},
    {T("XCLIENTS"), ESMTP_PASSED},
    {T("X STARTTLS"), ESMTP_PASSED},
    {T("XFORWARD NAME ADDR"), ESMTP_PASSED},
    {T("AUTH PLAIN LOGIN"), ESMTP_PASSED},
    {T("AUTH=PLAIN"), ESMTP_PASSED},
    {T("SIZE 10240000"), ESMTP_PASSED},
    {T("8BITMIME"), ESMTP_PASSED},
    {T("DSN"), ESMTP_PASSED},
    {T("SMTPUTF8"), ESMTP_PASSED},
    {T("ETRN"), ESMTP_PASSED},
    {T("VRFY"), ESMTP_PASSED},
    {T("ENHANCEDSTATUSCODES"), ESMTP_PASSED},
    {T("LIMITS RCPTMAX=10"), ESMTP_PASSED},
    {T("REQUIRETLS"), ESMTP_PASSED},
    {T("MT-PRIORITY"), ESMTP_PASSED},
    {T(""), ESMTP_PASSED},
    {T(" "), ESMTP_PASSED},
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_keywords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
