/*
 * All replies of our own.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/answers.h"

#include "src/smtp/smtp_reply.h"
#include "tests/unit/unit.h"

/* Source: RFC 3463 2 (the class is the first digit of the reply code). */
static void
have_codes_that_fit(void **state)
{
	(void)state;
	for (int i = ANSWER_NONE + 1; i < ANSWER_COUNT; i++) {
		const char *plain = answers_text((enum answer)i, false);
		const char *coded = answers_text((enum answer)i, true);
		struct smtp_reply_line r;
		char class, dot;
		int detail = -1, subject = -1;

		r = smtp_reply_parse(plain, strlen(plain));
		assert_in_range(r.code, 200, 599);
		assert_true(r.last && r.text_len > 0);
		if (sscanf(coded + 4, "%c%c%d.%d ", &class, &dot, &subject,
			&detail) < 4 ||
		    dot != '.') {
			assert_string_equal(coded, plain);
			continue;
		}
		assert_int_equal(class, plain[0]);
		assert_in_range(subject, 0, 7);
		assert_in_range(detail, 0, 99);
		assert_string_equal(strchr(coded + 4, ' ') + 1, plain + 4);
	}
}

static void
have_the_words_of_the_original(void **state)
{
	static const struct {
		enum answer answer;
		const char *plain, *coded;
	} cases[] = {
	    {ANSWER_GREETING, "220 smtp.passthru", "220 smtp.passthru"},
	    {ANSWER_GO, "354 Start mail input; end with <CRLF>.<CRLF>",
		"354 Start mail input; end with <CRLF>.<CRLF>"},
	    {ANSWER_BUSY, "421 Server busy, too many connections",
		"421 Server busy, too many connections"},
	    {ANSWER_DISCARDED, "250 Virus Detected; Discarded Email",
		"250 2.0.0 Virus Detected; Discarded Email"},
	    {ANSWER_REJECTED, "550 Virus Detected; Content Rejected",
		"550 5.7.1 Virus Detected; Content Rejected"},
	    {ANSWER_LOCAL_ERROR, "451 Local Error", "451 4.3.0 Local Error"},
	    {ANSWER_TOO_LONG, "500 Line too long", "500 5.5.2 Line too long"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(
		    answers_text(cases[i].answer, false), cases[i].plain);
		assert_string_equal(
		    answers_text(cases[i].answer, true), cases[i].coded);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(have_codes_that_fit),
	    cmocka_unit_test(have_the_words_of_the_original),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
