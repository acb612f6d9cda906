/*
 * The setters of options, and what they say would be right.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/option.h"

#include "common/addr_spec.h"
#include "tests/unit/unit.h"

#define HINT "the hint of the row"
#define IPV6 "write IPv6 as in [2001:db8::1]:25"
#define LINK "name its interface, as in [fe80::1%eth0]:25"
#define PORT "a port is a number from 1 to 65535"
#define ABSOLUTE "paths are absolute: use one that begins with /"
#define ALONE "use the path alone"

static const struct option row = {.hint = HINT,
    .port = 10025,
    .min = 1,
    .max = 9};

/* The test fails unless got is want; value is what it was made from. */
static void
expect_hint(const char *value, const char *got, const char *want)
{
	if (got == want ||
	    (got != NULL && want != NULL && strcmp(got, want) == 0))
		return;
	print_error("\"%s\": wanted \"%s\", got \"%s\"\n", value,
	    want == NULL ? "" : want, got == NULL ? "" : got);
	fail();
}

static const struct {
	const char *value, *hint;
} addresses[] = {
    {"127.0.0.1:25", NULL},
    {"mail.example:25", NULL},
    {"mail_1.example", NULL},
    {"25", NULL},
    {"/run/x", NULL},
    {"::1", IPV6},
    {"::", IPV6},
    {"[::1]:25", NULL},
    {"[::1]", NULL},
    {"[::]:10025", NULL},
    {"[::1]:", PORT},
    {"[::1]:0", PORT},
    {"[::1]:x", PORT},
    {"[::1]:99999", PORT},
    {"[::1]25", IPV6},
    {"[::1", IPV6},
    {"[::1]]:25", IPV6},
    {"[]:25", HINT},
    {"[127.0.0.1]:25", HINT},
    {"[localhost]:25", HINT},
    {"[1::2::3]:25", IPV6},
    {"[::1%]:25", IPV6},
    {"[::1%an-interface-has-no-such-name]:25", IPV6},
    {"[fe80::1]:25", LINK},
    {"[fe80::1]", LINK},
    {":::25", IPV6},
    {"::1:25", IPV6},
    {"::ffff:192.0.2.1", IPV6},
    {"2001:db8::1", IPV6},
    {"[2001:db8::1]:25", NULL},
    {"[2001:db8:0:0:0:0:0:1]:25", NULL},
    {"[::ffff:192.0.2.1]:25", NULL},
    {"2001:db8:0:0:0:0:0:1", IPV6},
    {"0:0:0:0:0:192.0.2.1", IPV6},
    {"fe80::1%eth0", IPV6},
    {"[fe80::1%eth0]:25", NULL},
    {"IPv6:2001:db8::1", IPV6},
    {"inet6:25@host", IPV6},
    {"::/0", IPV6},
    {"70000", PORT},
    {"0", PORT},
    {"127.0.0.1:70000", PORT},
    {"127.0.0.1:0", PORT},
    {"mail.example:-1", PORT},
    {"127.0.0.1:smtp", PORT},
    {"127.0.0.1:", PORT},
    {"127.0.0.1:25x", PORT},
    {"run/x", ABSOLUTE},
    {"./x", ABSOLUTE},
    {"LocalSocket /x", ALONE},
    {"LocalSocket\t/x", ALONE},
    {"LocalSocket: /x", ALONE},
    {"unix:/x", ALONE},
    {"", HINT},
    {"*:25", HINT},
    {":25", HINT},
    {"a:b:c", HINT},
    {"127.0.0.1:25/x", HINT},
    {"1.2.3", HINT},
    {"0x7f.1", HINT},
    {"TCPSocket 3310", HINT},
    {"mail example:25", HINT},
    {"tcp://127.0.0.1:25", HINT},
    {"local:/run/x", ALONE},
    {"/run/x:25", HINT},
    {"a..b:25", HINT},
    {"caf\351:25", HINT},
};

static void
tells_addresses_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct addr_spec spec = {.kind = ADDR_NONE};

		expect_hint(addresses[i].value,
		    option_address(&row, addresses[i].value, &spec),
		    addresses[i].hint);
		if (addresses[i].hint != NULL)
			assert_int_equal(spec.kind, ADDR_NONE);
	}
}

static void
a_long_path_is_said(void **state)
{
	char path[120] = "/";
	struct addr_spec spec;

	(void)state;
	memset(path + 1, 'x', sizeof path - 2);
	path[sizeof path - 1] = '\0';
	expect_hint(path, option_address(&row, path, &spec),
	    "the path of a socket is not as long");
}

static void
words_know_no_case(void **state)
{
	static const char *const words[OPTION_WORDS_MAX] = {
	    [0] = "zero", [2] = NULL, [1] = "one"};
	const struct option o = {.hint = HINT, .words = words};
	enum { ZERO, ONE } e = ONE;

	(void)state;
	assert_null(option_word(&o, "Zero", &e));
	assert_int_equal(e, ZERO);
	assert_null(option_word(&o, "one", &e));
	assert_int_equal(e, ONE);
	expect_hint("on", option_word(&o, "on", &e), HINT);
	expect_hint("", option_word(&o, "", &e), HINT);
	assert_int_equal(e, ONE);
}

static void
numbers_have_a_range(void **state)
{
	int n = 5;

	(void)state;
	expect_hint("0", option_number(&row, "0", &n), HINT);
	expect_hint("10", option_number(&row, "10", &n), HINT);
	expect_hint("", option_number(&row, "", &n), HINT);
	assert_int_equal(n, 5);
	assert_null(option_number(&row, "9", &n));
	assert_int_equal(n, 9);
}

static void
texts_may_be_required(void **state)
{
	const struct option required = {.hint = HINT, .required = true};
	const char *text = "old";

	(void)state;
	expect_hint("", option_text(&required, "", &text), HINT);
	expect_hint("", option_path(&required, "", &text), HINT);
	assert_string_equal(text, "old");
	assert_null(option_text(&row, "", &text));
	assert_string_equal(text, "");
	assert_null(option_path(&required, "/a b#c", &text));
	assert_string_equal(text, "/a b#c");
	expect_hint("/a #c", option_path(&required, "/a #c", &text), HINT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_addresses_apart),
	    cmocka_unit_test(a_long_path_is_said),
	    cmocka_unit_test(words_know_no_case),
	    cmocka_unit_test(numbers_have_a_range),
	    cmocka_unit_test(texts_may_be_required),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
