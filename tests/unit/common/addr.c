/*
 * Addresses.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr_spec.h"

#include <arpa/inet.h>
#include <errno.h>

#include "tests/unit/unit.h"

static struct addr
inet(const char *host, in_port_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_number(&a, host, strlen(host), port), 0);
	return a;
}

static void
takes_numbers(void **state)
{
	const char *const wrong[] = {
	    "", "localhost", "[::1]", "::1%1", "1.2.3", "127.0.0.1:25"};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct addr a = inet("::ffff:127.0.0.1", 25);
	char host[ADDR_TEXT_MAX];

	(void)state;
	/* One of IPv4 is what it is. */
	assert_int_equal(a.len, sizeof a.u.in);
	assert_int_equal(a.u.sa.sa_family, AF_INET);
	assert_string_equal(addr_host(&a, host), "127.0.0.1");
	assert_int_equal(addr_port(&a), 25);
	a = inet("2001:db8::1", 25);
	assert_int_equal(a.len, sizeof a.u.in6);
	assert_string_equal(addr_host(&a, host), "2001:db8::1");
	assert_int_equal(a.u.in6.sin6_port, htons(25));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		errno = 0;
		assert_int_equal(
		    addr_parse_number(&a, wrong[i], strlen(wrong[i]), 1), -1);
		assert_int_equal(errno, EINVAL);
	}
	errno = 0;
	assert_int_equal(addr_take(&a, &other), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
	assert_false(addr_is_inet(&a));
	assert_int_equal(addr_port(&a), 0);
}

static void
knows_any(void **state)
{
	const struct addr any = inet("0.0.0.0", 1), any6 = inet("::", 1);
	const struct addr one = inet("127.0.0.1", 1), one6 = inet("::1", 1);
	const struct addr none = {0};

	(void)state;
	assert_true(addr_is_any(&any));
	assert_true(addr_is_any(&any6));
	assert_false(addr_is_any(&one));
	assert_false(addr_is_any(&one6));
	assert_false(addr_is_any(&none));
}

static void
compares_hosts(void **state)
{
	struct addr a = inet("192.0.2.1", 1), b = inet("192.0.2.1", 2);
	struct addr c = inet("192.0.2.2", 1), none = {0};
	struct addr_spec path;

	(void)state;
	assert_int_equal(addr_spec_parse(&path, "/a", 1), 0);
	assert_true(addr_same_host(&a, &b));
	assert_false(addr_same_host(&a, &c));
	assert_false(addr_same_host(&a, &none));
	assert_false(addr_same_host(&none, &none));
	assert_false(addr_same_host(&a, &path.addr));
	assert_false(addr_same_host(&path.addr, &path.addr));
	assert_false(addr_same(&a, &b));
	assert_true(addr_same(&a, &a));
	a = inet("fe80::1", 1);
	assert_false(addr_same_host(&a, &c));
	b = a;
	b.u.in6.sin6_scope_id = 1; /* it may be the same */
	assert_true(addr_same_host(&a, &b));
	a.u.in6.sin6_scope_id = 2;
	assert_false(addr_same_host(&a, &b));
	b = inet("fe80::2", 1);
	assert_false(addr_same_host(&a, &b));
}

static void
unnamed_sockets_have_no_host(void **state)
{
	struct addr none = {0}, unnamed = {.len = sizeof(sa_family_t)};
	char host[ADDR_TEXT_MAX] = "x";

	(void)state;
	unnamed.u.sa.sa_family = AF_UNIX;
	assert_string_equal(addr_host(&unnamed, host), "");
	memcpy(host, "x", 2);
	assert_string_equal(addr_host(&none, host), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_numbers),
	    cmocka_unit_test(knows_any),
	    cmocka_unit_test(compares_hosts),
	    cmocka_unit_test(unnamed_sockets_have_no_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
