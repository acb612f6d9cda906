/*
 * Networks, and who belongs to them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/net.h"

#include <errno.h>

#include "tests/unit/unit.h"

/* Any path, in the tables below. */
#define PATH "/"

static void
make(struct addr *a, const char *text)
{
	*a = (struct addr){0};
	if (*text == '/') {
		a->len = sizeof a->u.un;
		a->u.un.sun_family = AF_UNIX;
	} else if (*text != '\0')
		assert_int_equal(
		    addr_parse_number(a, text, strlen(text), 25), 0);
}

static void
knows_who_belongs(void **state)
{
	static const struct {
		const char *net, *in, *out;
	} cases[] = {
	    {"10.0.0.0/8", "10.0.0.0", "9.255.255.255"},
	    {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
	    {"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
	    {"192.0.2.128/25", "192.0.2.255", "192.0.3.0"},
	    {"192.0.2.7", "192.0.2.7", "192.0.2.6"},
	    {"192.0.2.7/32", "192.0.2.7", "192.0.2.8"},
	    {"192.0.2.6/31", "192.0.2.7", "192.0.2.8"},
	    {"0.0.0.0/0", "255.255.255.255", "::1"},
	    {"0.0.0.0/0", "1.2.3.4", PATH},
	    {"0.0.0.0/0", "1.2.3.4", ""},
	    {"::/0", "2001:db8::1", "1.2.3.4"},
	    {"::/0", "::", PATH},
	    {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
	    {"2001:db8:8000::/33", "2001:db8:8000::", "2001:db8:7fff::"},
	    {"2001:DB8::7", "2001:db8:0::7", "2001:db8::8"},
	    {"[2001:db8::7]", "2001:db8::7", "2001:db8::6"},
	    {"[2001:db8::]/32", "2001:db8::7", "::"},
	    {"::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"},
	    {"::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"},
	    {"10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"},
	    {"unix", PATH, "127.0.0.1"},
	    {"UNIX", PATH, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text t = {cases[i].net, strlen(cases[i].net)};
		struct net n;
		struct addr a;

		expect_number(t, "parsed", net_parse(&n, cases[i].net), 0);
		make(&a, cases[i].in);
		expect_number(t, cases[i].in, net_contains(&n, &a), 1);
		make(&a, cases[i].out);
		expect_number(t, cases[i].out, net_contains(&n, &a), 0);
	}
}

/* As a socket that is open to both would show it. */
static void
knows_a_mapped_address(void **state)
{
	struct addr a = {.len = sizeof a.u.in6};
	struct net n;

	(void)state;
	a.u.in6.sin6_family = AF_INET6;
	memcpy(
	    &a.u.in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
	assert_int_equal(net_parse(&n, "10.0.0.0/8"), 0);
	assert_true(net_contains(&n, &a));
	assert_int_equal(net_parse(&n, "::/0"), 0);
	assert_false(net_contains(&n, &a));
}

static void
refuses_what_is_none(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
	    {"", EINVAL},
	    {"x", EINVAL},
	    {"all", EINVAL},
	    {"localhost", EINVAL},
	    {"10", EINVAL},
	    {"10.0.0", EINVAL},
	    {"10.0.0.0.0", EINVAL},
	    {"10.0.0.0/", EINVAL},
	    {"10.0.0.0/33", EINVAL},
	    {"10.0.0.0/-1", EINVAL},
	    {"10.0.0.0/8x", EINVAL},
	    {"10.0.0.0/255.0.0.0", EINVAL},
	    {"10.0.0.0/8/8", EINVAL},
	    {"10.0.0.256", EINVAL},
	    {"10.0.0.1:25", EINVAL},
	    {"[10.0.0.1]", EINVAL},
	    {"[2001:db8::7", EINVAL},
	    {"2001:db8::7]", EINVAL},
	    {"[2001:db8::7]:25", EINVAL},
	    {"2001:db8::/129", EINVAL},
	    {"2001:db8", EINVAL},
	    {"[]", EINVAL},
	    {"::ffff:10.0.0.0/8", EINVAL},
	    {"fe80::1%lo", EINVAL},
	    {"unix/8", EINVAL},
	    {"/run/x", EINVAL},
	    {"10.0.0.1/8", EDOM},
	    {"10.0.0.1/0", EDOM},
	    {"192.0.2.129/24", EDOM},
	    {"2001:db8::1/64", EDOM},
	    {"::ffff:10.0.0.1/104", EDOM},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text t = {cases[i].text, strlen(cases[i].text)};
		struct net n;

		errno = 0;
		expect_number(t, "refused", net_parse(&n, t.p), -1);
		expect_number(t, "errno", errno, cases[i].error);
	}
}

static void
looks_through_a_list(void **state)
{
	struct net_list l = {0};
	struct addr a;

	(void)state;
	make(&a, "192.0.2.7");
	assert_false(net_list_contains(&l, &a));
	assert_int_equal(net_parse(&l.nets[l.count++], "unix"), 0);
	assert_false(net_list_contains(&l, &a));
	assert_int_equal(net_parse(&l.nets[l.count++], "192.0.2.0/24"), 0);
	assert_true(net_list_contains(&l, &a));
}

static void
knows_what_is_local(void **state)
{
	static const struct {
		const char *text;
		bool local;
	} cases[] = {
	    {"127.0.0.1", true},
	    {"127.255.255.255", true},
	    {"128.0.0.1", false},
	    {"::1", true},
	    {"::2", false},
	    {"::ffff:127.0.0.1", true},
	    {"192.0.2.1", false},
	    {PATH, true},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text t = {cases[i].text, strlen(cases[i].text)};
		struct addr a;

		make(&a, t.p);
		expect_number(t, "local", net_is_local(&a), cases[i].local);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_who_belongs),
	    cmocka_unit_test(knows_a_mapped_address),
	    cmocka_unit_test(refuses_what_is_none),
	    cmocka_unit_test(looks_through_a_list),
	    cmocka_unit_test(knows_what_is_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
