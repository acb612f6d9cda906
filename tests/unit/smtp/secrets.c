/*
 * What of the dialogue may be logged.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/secrets.h"

#include "tests/unit/unit.h"

/* The shown part of a client's line, then '|' and what is hidden. */
static const struct text commands[] = {
    T("EHLO x|"),
    T("MAIL FROM:<a@b> AUTH=<c@d>|"),
    T("XYZZY s3cret|"),
    T("|"),
    T("AUT|"),
    T("AUTH|"),
    T("AUTH |"),
    T("AUTH PLAIN|"),
    T("AUTH PLAIN |"),
    T("AUTH PLAIN |AGJvYgBzM2NyZXQ="),
    T("AUTH PLAIN |s3 cret"),
    T("auth plain |AGJvYg=="),
    T("  \t AuTh \t pLaIn \t |AGJvYg== "),
    T("AUTH LOGIN |Ym9i"),
    T("AUTH XOAUTH2 |dXNlcj0="),
    T("AUTH SCRAM-SHA-256 |biws"),
    T("AUTH| AGJvYgBzM2NyZXQ="),
    T("AUTH| PLAINAGJvYg=="),
    T("AUTH|PLAIN AGJvYg=="),
    T("AUTH|=PLAIN AGJvYg=="),
    T("AUTH|:PLAIN"),
    T("AUTH|\0PLAIN AGJvYg=="),
    T("\0AUTH PLAIN |AGJvYg=="),
    T("\x7f"
      "AUTH PLAIN |AGJvYg=="),
    T("Auth|orization: Basic Ym9i"),
};

static size_t
text_before_bar(struct text t)
{
	size_t n = t.len;

	while (t.p[n - 1] != '|')
		n--;
	return n - 1;
}

static void
shows_the_mechanism_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(commands); i++) {
		const struct text t = commands[i];
		size_t shown = text_before_bar(t);
		struct secrets client = {0}, server = {0};
		char line[256];

		memcpy(line, t.p, shown);
		memcpy(line + shown, t.p + shown + 1, t.len - shown - 1);
		expect_number(t, "client's",
		    (long long)secrets_shown_of_client(
			&client, '<', line, t.len - 1),
		    (long long)shown);
		expect_number(t, "server's",
		    (long long)secrets_shown_of_upstream(
			&server, '>', line, t.len - 1),
		    (long long)shown);
	}
}

static bool
is_shown(struct secrets *s, const char *line)
{
	size_t len = strlen(line);
	size_t n = secrets_shown_of_client(s, '<', line, len);

	/* Its copy to the server is treated alike. */
	assert_int_equal(secrets_shown_of_upstream(s, '>', line, len), n);
	return n == len;
}

static void
server_says(struct secrets *s, const char *line)
{
	size_t len = strlen(line);

	assert_int_equal(secrets_shown_of_upstream(s, '<', line, len), len);
	assert_int_equal(secrets_shown_of_client(s, '>', line, len), len);
}

static void
hides_what_answers_334(void **state)
{
	struct secrets s = {0};

	(void)state;
	assert_true(is_shown(&s, "RSET"));
	server_says(&s, "334 VXNlcm5hbWU6");
	assert_false(is_shown(&s, "Ym9i"));
	server_says(&s, "334 UGFzc3dvcmQ6");
	/* It may look like anything. */
	assert_false(is_shown(&s, "DATA"));
	server_says(&s, "235 welcome");
	assert_true(is_shown(&s, "DATA"));
}

static void
hides_what_comes_out_of_place(void **state)
{
	struct secrets s = {0};

	(void)state;
	assert_true(is_shown(&s, "AUTH LOGIN"));
	server_says(&s, "504 not here");
	assert_false(is_shown(&s, "Ym9i"));
	assert_false(is_shown(&s, "  czNjcmV0"));
	assert_true(is_shown(&s, "mail FROM:<a@b>"));
	assert_true(is_shown(&s, "QUIT"));
}

static void
an_answer_that_is_not_passed_on_hides_what_is(void **state)
{
	struct secrets s = {0};

	(void)state;
	server_says(&s, "334 ");
	assert_int_equal(secrets_shown_of_client(&s, '<', "too long", 8), 0);
	assert_int_equal(secrets_shown_of_upstream(&s, '>', "*", 1), 0);
	assert_int_equal(secrets_shown_of_upstream(&s, '>', "NOOP", 4), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shows_the_mechanism_alone),
	    cmocka_unit_test(hides_what_answers_334),
	    cmocka_unit_test(hides_what_comes_out_of_place),
	    cmocka_unit_test(an_answer_that_is_not_passed_on_hides_what_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
