/*
 * Addresses.  No name but localhost is looked up.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>

#include "tests/unit/unit.h"

#define DEFAULT_PORT 10025

static const struct {
	struct text text;
	enum addr_kind kind; /* ADDR_NONE: invalid */
	const char *host; /* number or path */
	unsigned port;
} cases[] = {
    {T("25"), ADDR_PORT, "0.0.0.0", 25},
    {T("1"), ADDR_PORT, "0.0.0.0", 1},
    {T("65535"), ADDR_PORT, "0.0.0.0", 65535},
    {T("0025"), ADDR_PORT, "0.0.0.0", 25},
    {T("192.0.2.1:25"), ADDR_FIXED, "192.0.2.1", 25},
    {T("192.0.2.1"), ADDR_FIXED, "192.0.2.1", DEFAULT_PORT},
    {T("0.0.0.0:25"), ADDR_FIXED, "0.0.0.0", 25},
    {T("255.255.255.255:65535"), ADDR_FIXED, "255.255.255.255", 65535},
    {T("127.0.0.1: 40245"), ADDR_FIXED, "127.0.0.1", 40245},
    {T("localhost:25"), ADDR_HOST, "127.0.0.1", 25},
    {T("localhost"), ADDR_HOST, "127.0.0.1", DEFAULT_PORT},
    {T("/run/x.sock"), ADDR_FIXED, "/run/x.sock", DEFAULT_PORT},
    {T("/"), ADDR_FIXED, "/", DEFAULT_PORT},
    {T("/a b.sock"), ADDR_FIXED, "/a b.sock", DEFAULT_PORT},
    /* No addresses. */
    {T(""), ADDR_NONE, "", 0},
    {T("0"), ADDR_NONE, "", 0},
    {T("65536"), ADDR_NONE, "", 0},
    {T("70000"), ADDR_NONE, "", 0},
    {T("99999999999999999999"), ADDR_NONE, "", 0},
    {T(":25"), ADDR_NONE, "", 0},
    {T("127.0.0.1:"), ADDR_NONE, "", 0},
    {T("127.0.0.1:x"), ADDR_NONE, "", 0},
    {T("127.0.0.1:1x"), ADDR_NONE, "", 0},
    {T("127.0.0.1:0"), ADDR_NONE, "", 0},
    {T("127.0.0.1:99999"), ADDR_NONE, "", 0},
    {T("127.0.0.1:-1"), ADDR_NONE, "", 0},
    {T("1.2.3"), ADDR_NONE, "", 0},
    {T("1.2.3:25"), ADDR_NONE, "", 0},
    {T("1.2.3.4.5:25"), ADDR_NONE, "", 0},
    {T("1.2.3.256"), ADDR_NONE, "", 0},
    {T("0x7f.1:25"), ADDR_NONE, "", 0},
    {T("0x7f000001"), ADDR_NONE, "", 0},
    {T("127.0.0.1:25/x"), ADDR_NONE, "", 0},
    {T("local:/run/x.sock"), ADDR_NONE, "", 0},
    {T("/run/x.sock:25"), ADDR_NONE, "", 0},
    {T("relative/path"), ADDR_NONE, "", 0},
    {T("./x"), ADDR_NONE, "", 0},
    {T("a b:25"), ADDR_NONE, "", 0},
    {T("a..b:25"), ADDR_NONE, "", 0},
    {T("-a:25"), ADDR_NONE, "", 0},
    {T("a,b:25"), ADDR_NONE, "", 0},
    {T("[127.0.0.1]:25"), ADDR_NONE, "", 0},
    {T("::1"), ADDR_NONE, "", 0},
    {T("::"), ADDR_NONE, "", 0},
    {T("[::1]:25"), ADDR_NONE, "", 0},
};

static void
parses_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text t = cases[i].text;
		struct addr_spec spec;
		struct addr addr;
		char host[ADDR_TEXT_MAX];
		int rc;

		errno = 0;
		rc = addr_parse(&spec, t.p, DEFAULT_PORT);
		if (cases[i].kind == ADDR_NONE) {
			expect_number(t, "rc", rc, -1);
			expect_number(t, "errno", errno, EINVAL);
			continue;
		}
		expect_number(t, "rc", rc, 0);
		expect_number(t, "kind", spec.kind, cases[i].kind);
		assert_ptr_equal(spec.text, t.p);
		assert_int_equal(addr_resolve(&spec, NULL, &addr), 0);
		assert_string_equal(addr_host(&addr, host), cases[i].host);
		if (addr.u.sa.sa_family == AF_INET)
			expect_number(t, "port", ntohs(addr.u.in.sin_port),
			    cases[i].port);
		else
			expect_number(
			    t, "family", addr.u.sa.sa_family, AF_UNIX);
	}
}

static void
paths_have_a_limit(void **state)
{
	char path[ADDR_TEXT_MAX + 1], host[ADDR_TEXT_MAX];
	struct addr_spec spec;

	(void)state;
	memset(path, '/', sizeof path);
	path[ADDR_TEXT_MAX] = '\0';
	assert_int_equal(addr_parse(&spec, path, 1), -1);
	assert_int_equal(errno, EINVAL);
	path[ADDR_TEXT_MAX - 1] = '\0';
	assert_int_equal(addr_parse(&spec, path, 1), 0);
	assert_string_equal(addr_host(&spec.addr, host), path);
}

static void
host_names_have_a_limit(void **state)
{
	char name[300];
	struct addr_spec spec;

	(void)state;
	memset(name, 'a', sizeof name);
	memcpy(name + 256, ":25", 4);
	assert_int_equal(addr_parse(&spec, name, 1), -1);
	assert_int_equal(errno, EINVAL);
}

static struct addr
inet(const char *host, unsigned port)
{
	struct addr a = {.len = sizeof a.u.in};

	a.u.in.sin_family = AF_INET;
	a.u.in.sin_port = htons((uint16_t)port);
	assert_int_equal(inet_pton(AF_INET, host, &a.u.in.sin_addr), 1);
	return a;
}

/* OutAddress as a port alone leads back to the client's host. */
static void
a_port_alone_takes_the_other_host(void **state)
{
	struct addr client = inet("127.0.0.5", 4711), out, none = {0};
	struct addr local = {.len = sizeof(sa_family_t)};
	struct addr_spec spec;
	char host[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(addr_parse(&spec, "26", 1), 0);
	assert_int_equal(addr_resolve(&spec, &client, &out), 0);
	assert_string_equal(addr_host(&out, host), "127.0.0.5");
	assert_int_equal(ntohs(out.u.in.sin_port), 26);
	assert_int_equal(addr_resolve(&spec, &none, &out), 0);
	assert_string_equal(addr_host(&out, host), "0.0.0.0");
	local.u.sa.sa_family = AF_UNIX;
	assert_int_equal(addr_resolve(&spec, &local, &out), 0);
	assert_string_equal(addr_host(&out, host), "0.0.0.0");
	/* Others do not. */
	assert_int_equal(addr_parse(&spec, "192.0.2.1:26", 1), 0);
	assert_int_equal(addr_resolve(&spec, &client, &out), 0);
	assert_string_equal(addr_host(&out, host), "192.0.2.1");
}

static void
nothing_set_resolves_to_nothing(void **state)
{
	struct addr_spec spec = {.kind = ADDR_NONE};
	struct addr out;

	(void)state;
	errno = 0;
	assert_int_equal(addr_resolve(&spec, NULL, &out), -1);
	assert_int_equal(errno, EHOSTUNREACH);
}

static void
compares_hosts(void **state)
{
	struct addr a = inet("192.0.2.1", 1), b = inet("192.0.2.1", 2);
	struct addr c = inet("192.0.2.2", 1), none = {0};
	struct addr_spec path;

	(void)state;
	assert_int_equal(addr_parse(&path, "/a", 1), 0);
	assert_true(addr_same_host(&a, &b));
	assert_false(addr_same_host(&a, &c));
	assert_false(addr_same_host(&a, &none));
	assert_false(addr_same_host(&none, &none));
	assert_false(addr_same_host(&a, &path.addr));
	assert_false(addr_same_host(&path.addr, &path.addr));
}

static struct addr
any_addr(const char *text)
{
	struct addr_spec spec;
	struct addr a;

	assert_int_equal(addr_parse(&spec, text, 1), 0);
	assert_int_equal(addr_resolve(&spec, NULL, &a), 0);
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

	(void)state;
	assert_true(addr_is_ours(&own));
	assert_false(addr_is_ours(&other));
	assert_false(addr_is_ours(&none));
	assert_false(addr_is_ours(&path));
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
	    cmocka_unit_test(parses_addresses),
	    cmocka_unit_test(paths_have_a_limit),
	    cmocka_unit_test(host_names_have_a_limit),
	    cmocka_unit_test(a_port_alone_takes_the_other_host),
	    cmocka_unit_test(nothing_set_resolves_to_nothing),
	    cmocka_unit_test(compares_hosts),
	    cmocka_unit_test(knows_what_reaches_a_listener),
	    cmocka_unit_test(knows_our_own_addresses),
	    cmocka_unit_test(unnamed_sockets_have_no_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
