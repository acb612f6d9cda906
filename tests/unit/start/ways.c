/*
 * The ways in and out.  No name is looked up.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/ways.h"

#include "common/log.h"
#include "tests/unit/said.h"

#define OPEN "clamsmtpd: Listen is open to all"
#define LOOP "clamsmtpd: invalid setting: OutAddress"

/* What is said to these, with the result. */
static int
check(const char *listen, const char *out, const char *transparent,
    char said[1024])
{
	struct settings s;
	int rc;

	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(settings_set(&s, "Listen", listen, "/x:1"), 0);
	assert_int_equal(settings_set(&s, "OutAddress", out, "/x:2"), 0);
	assert_int_equal(
	    settings_set(&s, "TransparentProxy", transparent, "/x:3"), 0);
	assert_int_equal(ways_find_listeners(&s), 0);
	assert_int_equal(s.listen_at.count, s.listens.count);
	catch_stderr();
	rc = ways_check(&s, false);
	assert_int_equal(ways_check(&s, true), 0);
	release_stderr(said, 1024);
	settings_free(&s);
	return rc;
}

static void
tells_what_does_not_go_together(void **state)
{
	static const struct {
		const char *listen, *out, *said; /* how it begins */
	} cases[] = {
	    /* Strangers could use a server that trusts this host. */
	    {"10025", "127.0.0.1:25", OPEN},
	    {"0.0.0.0:10025", "127.0.0.2:25", OPEN},
	    {"0.0.0.0", "0.0.0.0:25", OPEN},
	    {"10025", "/run/server", OPEN},
	    {"[::]:10025", "127.0.0.1:25", OPEN},
	    {"10025", "[::1]:25", OPEN},
	    {"[::1]:10025, 10025", "192.0.2.1, [::1]:25", OPEN},
	    {"10025", "192.0.2.1:25", ""},
	    {"[::]", "[2001:db8::1]:25", ""},
	    {"10025", "25", ""},
	    {"127.0.0.1:10025", "127.0.0.1:25", ""},
	    {"[::1]:10025", "[::1]:25", ""},
	    {"/run/x", "127.0.0.1:25", ""},
	    /* It would come back. */
	    {"127.0.0.1:25", "127.0.0.1:25", LOOP},
	    {"25", "127.0.0.9:25", LOOP},
	    {"[::1]:25", "[::1]:25", LOOP},
	    {"[::]:25", "[::1]:25", LOOP},
	    {"127.0.0.1:26, 127.0.0.1:25", "192.0.2.1, 127.0.0.1:25", LOOP},
	    {"/run/x", "/run/x", LOOP},
	    {"127.0.0.1:25", "[::1]:25", ""},
	    {"[::1]:25", "127.0.0.1:25", ""},
	};
	char said[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text t = {
		    cases[i].listen, strlen(cases[i].listen)};
		const char *want = cases[i].said;
		int rc = check(cases[i].listen, cases[i].out, "off", said);

		expect_number(
		    t, cases[i].out, rc, strcmp(want, LOOP) == 0 ? -1 : 0);
		expect_text(t, said,
		    *want == '\0' ? strlen(said) : strlen(want),
		    (struct text){want, strlen(want)});
		assert_int_equal(
		    check(cases[i].listen, cases[i].out, "on", said), 0);
		assert_string_equal(said, "");
	}
}

static void
names_both_places(void **state)
{
	char said[1024];

	(void)state;
	assert_int_equal(check("[::]:26", "/run/server", "off", said), 0);
	assert_non_null(strstr(said,
	    "(/x:2: /run/server; /x:1: use Listen: [::1]:26, or a server "));
	assert_int_equal(check("26", "1, 127.0.0.1:26", "off", said), -1);
	assert_non_null(strstr(said, "(/x:2: 127.0.0.1:26 makes a loop"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_what_does_not_go_together),
	    cmocka_unit_test(names_both_places),
	};

	log_open("clamsmtpd");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
