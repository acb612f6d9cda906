/*
 * The table of verbs.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/verbs.h"

#include <strings.h>

#include "tests/unit/unit.h"

static const struct verb *
find(const char *name)
{
	return verbs_find(name, strlen(name));
}

/* Each row tells what is done, and DATA alone has neither a reply of the
 * server's nor one of ours. */
static void
is_complete(void **state)
{
	const struct verb *v;
	size_t i;

	(void)state;
	for (i = 0; (v = verbs_at(i)) != NULL; i++) {
		bool data = strcmp(v->name, "DATA") == 0;

		assert_int_equal(v->ask == NULL, data);
		assert_int_equal(
		    v->exchange == NULL && v->answer == ANSWER_NONE, data);
		assert_true(v->exchange == NULL || v->answer == ANSWER_NONE);
		if (v->exchange != NULL)
			assert_non_null(v->exchange->show);
		/* The first row of a name is the one that is found. */
		assert_ptr_equal(find(v->name), v);
	}
	assert_true(i > 15);
}

static void
finds_whole_words_of_any_case(void **state)
{
	static const char *const known[] = {"DATA", "data", "dAtA", "STARTTLS",
	    "StartTls", "BDAT", "xclient", "X-ANONYMOUSTLS"};
	static const char *const unknown[] = {
	    "", "DAT", "DATAX", "NOOP", "EHLOX", "STARTTLS:", "\303\251"};

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++)
		assert_int_equal(strcasecmp(find(known[i])->name, known[i]), 0);
	for (size_t i = 0; i < COUNT(unknown); i++)
		assert_string_equal(find(unknown[i])->name, "");
	assert_string_equal(verbs_find("DATA", 3)->name, "");
	assert_string_equal(verbs_auth()->name, "AUTH");
}

/* What would bypass the scan never gets to the server. */
static void
refuses_what_bypasses_the_scan(void **state)
{
	static const char *const refused[] = {"STARTTLS", "X-ANONYMOUSTLS",
	    "XEXCH50", "BURL", "TURN", "ATRN", "VERB", "BDAT", "PROXY"};

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_null(find(refused[i])->exchange);
		assert_int_equal(
		    find(refused[i])->answer, ANSWER_NOT_IMPLEMENTED);
	}
	assert_int_equal(find("XCLIENT")->answer, ANSWER_XCLIENT);
}

/* Nothing but QUIT behind a greeting, and not even that where what follows
 * would be content or a secret. */
static void
knows_what_may_follow(void **state)
{
	const struct verb *v;

	(void)state;
	for (size_t i = 0; (v = verbs_at(i)) != NULL; i++) {
		enum smtp_behind wanted = SMTP_BEHIND_ANYTHING;

		if (v == find("EHLO") || v == find("HELO") || v == find("LHLO"))
			wanted = SMTP_BEHIND_QUIT;
		else if (v == find("DATA") || v == verbs_auth())
			wanted = SMTP_BEHIND_NOTHING;
		else if (v == find("BDAT"))
			wanted = SMTP_BEHIND_CHUNK;
		assert_int_equal(v->behind, wanted);
		assert_int_equal(verbs_is_other(v), v == find("NOOP"));
	}
}

/* RFC 2920 3.1: of our verbs, only these may stand within a group. */
static void
knows_what_may_be_grouped(void **state)
{
	const struct verb *v;

	(void)state;
	for (size_t i = 0; (v = verbs_at(i)) != NULL; i++) {
		const char *n = v->name;
		bool anywhere = strcmp(n, "MAIL") == 0 ||
		    strcmp(n, "RCPT") == 0 || strcmp(n, "RSET") == 0;

		assert_int_equal(v->place == VERB_ANYWHERE, anywhere);
		assert_int_equal(v->place == VERB_LAST, strcmp(n, "QUIT") == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_complete),
	    cmocka_unit_test(finds_whole_words_of_any_case),
	    cmocka_unit_test(refuses_what_bypasses_the_scan),
	    cmocka_unit_test(knows_what_may_follow),
	    cmocka_unit_test(knows_what_may_be_grouped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
