/*
 * What an address is to this host.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr_ours.h"

#include "common/addr_spec.h"
#include "tests/unit/unit.h"

static struct addr
inet(const char *host, in_port_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_number(&a, host, strlen(host), port), 0);
	return a;
}

static struct addr
any_addr(const char *text)
{
	struct addr_spec spec;
	struct addr a;

	assert_int_equal(addr_spec_parse(&spec, text, 1), 0);
	assert_int_equal(addr_spec_fixed(&spec, NULL, &a), 0);
	return a;
}

static void
knows_what_reaches_a_listener(void **state)
{
	static const struct {
		const char *to, *listen;
		bool reaches;
	} tries[] = {
	    {"127.0.0.1:25", "127.0.0.1:25", true},
	    {"127.0.0.1:25", "127.0.0.1:26", false},
	    {"127.0.0.2:25", "127.0.0.1:25", false},
	    {"127.0.0.1:25", "127.0.0.2:25", false},
	    {"0.0.0.0:25", "127.0.0.1:25", true},
	    {"0.0.0.0:25", "127.0.0.2:25", false},
	    {"127.0.0.1:25", "0.0.0.0:25", true},
	    {"127.99.0.1:25", "25", true},
	    {"25", "25", true},
	    {"127.0.0.1:26", "25", false},
	    {"192.0.2.1:25", "25", false}, /* RFC 5737: nobody's */
	    {"192.0.2.1:25", "192.0.2.1:25", true},
	    {"[::1]:25", "[::1]:25", true},
	    {"[::1]:25", "[::1]:26", false},
	    {"[::]:25", "[::1]:25", true},
	    {"[::1]:25", "[::]:25", true},
	    {"[2001:db8::1]:25", "[::]:25", false}, /* RFC 3849: nobody's */
	    {"[2001:db8::1]:25", "[2001:db8::1]:25", true},
	    {"[::ffff:127.0.0.1]:25", "127.0.0.1:25", true},
	    /* It takes IPv6 alone. */
	    {"127.0.0.1:25", "[::]:25", false},
	    {"[::1]:25", "25", false},
	    {"/tmp/a", "/tmp/a", true},
	    {"/tmp/a", "/tmp/b", false},
	    {"/tmp/../tmp/./a", "/tmp/a", true},
	    {"/no/such/directory/a", "/tmp/a", false},
	    {"/proc/self/status", "/proc/self/status", true},
	    {"/dev/stdin/../a", "/tmp/a", false},
	    {"/tmp/a", "25", false},
	    {"25", "/tmp/a", false},
	};
	const struct addr none = {0}, some = inet("127.0.0.1", 25);

	(void)state;
	for (size_t i = 0; i < COUNT(tries); i++) {
		const struct text t = {tries[i].to, strlen(tries[i].to)};
		struct addr to = any_addr(tries[i].to);
		struct addr listen = any_addr(tries[i].listen);

		expect_number(t, tries[i].listen, addr_reaches(&to, &listen),
		    tries[i].reaches);
	}
	assert_false(addr_reaches(&none, &some));
	assert_false(addr_reaches(&some, &none));
}

static void
knows_our_own_addresses(void **state)
{
	const struct addr none = {0}, path = any_addr("/tmp/a");
	const struct addr own = inet("127.3.2.1", 1);
	const struct addr other = inet("192.0.2.1", 1);
	const struct addr own6 = inet("::1", 1), other6 = inet("2001:db8::", 1);

	(void)state;
	assert_true(addr_is_ours(&own));
	assert_false(addr_is_ours(&other));
	assert_true(addr_is_ours(&own6));
	assert_false(addr_is_ours(&other6));
	assert_false(addr_is_ours(&none));
	assert_false(addr_is_ours(&path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_what_reaches_a_listener),
	    cmocka_unit_test(knows_our_own_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
