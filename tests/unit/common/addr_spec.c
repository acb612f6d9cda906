/*
 * How addresses are written.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr_spec.h"

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
    {T("localhost:25"), ADDR_HOST, "localhost", 25},
    {T("localhost"), ADDR_HOST, "localhost", DEFAULT_PORT},
    {T("a_b.c-d.test.:1"), ADDR_HOST, "a_b.c-d.test.", 1},
    {T("[::1]:25"), ADDR_FIXED, "::1", 25},
    {T("[::1]"), ADDR_FIXED, "::1", DEFAULT_PORT},
    {T("[::]:25"), ADDR_FIXED, "::", 25},
    {T("[2001:DB8:0::1]:25"), ADDR_FIXED, "2001:db8::1", 25},
    {T("[2001:db8::192.0.2.1]:25"), ADDR_FIXED, "2001:db8::c000:201", 25},
    {T("[::ffff:192.0.2.1]:25"), ADDR_FIXED, "192.0.2.1", 25},
    {T("[fe80::1%eth0]:25"), ADDR_HOST, "fe80::1%eth0", 25},
    {T("[fe80::1%2]"), ADDR_HOST, "fe80::1%2", DEFAULT_PORT},
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
    {T("[localhost]:25"), ADDR_NONE, "", 0},
    {T("::1"), ADDR_NONE, "", 0},
    {T("::"), ADDR_NONE, "", 0},
    {T("::1:25"), ADDR_NONE, "", 0},
    {T("[::1]25"), ADDR_NONE, "", 0},
    {T("[::1]:"), ADDR_NONE, "", 0},
    {T("[::1]:0"), ADDR_NONE, "", 0},
    {T("[::1"), ADDR_NONE, "", 0},
    {T("[]"), ADDR_NONE, "", 0},
    {T("["), ADDR_NONE, "", 0},
    {T("[1::2::3]:25"), ADDR_NONE, "", 0},
    {T("[::g]:25"), ADDR_NONE, "", 0},
    {T("[::1%]:25"), ADDR_NONE, "", 0},
    {T("[%eth0]:25"), ADDR_NONE, "", 0},
    {T("[fe80::1]:25"), ADDR_NONE, "", 0},
    {T("[fe80::1%0123456789abcdef]:25"), ADDR_NONE, "", 0},
};

static void
parses_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text t = cases[i].text;
		struct addr_spec spec;
		struct addr addr;
		char host[ADDR_NAME_MAX + 1];
		int rc;

		errno = 0;
		rc = addr_spec_parse(&spec, t.p, DEFAULT_PORT);
		if (cases[i].kind == ADDR_NONE) {
			expect_number(t, "rc", rc, -1);
			expect_number(t, "errno", errno, EINVAL);
			continue;
		}
		expect_number(t, "rc", rc, 0);
		expect_number(t, "kind", spec.kind, cases[i].kind);
		assert_ptr_equal(spec.text, t.p);
		expect_number(t, "port", spec.port, cases[i].port);
		if (spec.kind == ADDR_HOST) {
			assert_int_equal(
			    addr_spec_fixed(&spec, NULL, &addr), -1);
			assert_string_equal(
			    addr_spec_name(&spec, host), cases[i].host);
			continue;
		}
		assert_int_equal(addr_spec_fixed(&spec, NULL, &addr), 0);
		assert_string_equal(addr_host(&addr, host), cases[i].host);
		if (addr_is_inet(&addr))
			expect_number(
			    t, "port", addr_port(&addr), cases[i].port);
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
	assert_int_equal(addr_spec_parse(&spec, path, 1), -1);
	assert_int_equal(errno, EINVAL);
	path[ADDR_TEXT_MAX - 1] = '\0';
	assert_int_equal(addr_spec_parse(&spec, path, 1), 0);
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
	assert_int_equal(addr_spec_parse(&spec, name, 1), -1);
	assert_int_equal(errno, EINVAL);
}

static struct addr
inet(const char *host, in_port_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_number(&a, host, strlen(host), port), 0);
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
	assert_int_equal(addr_spec_parse(&spec, "26", 1), 0);
	assert_int_equal(addr_spec_fixed(&spec, &client, &out), 0);
	assert_string_equal(addr_host(&out, host), "127.0.0.5");
	assert_int_equal(ntohs(out.u.in.sin_port), 26);
	assert_int_equal(addr_spec_fixed(&spec, &none, &out), 0);
	assert_string_equal(addr_host(&out, host), "0.0.0.0");
	local.u.sa.sa_family = AF_UNIX;
	assert_int_equal(addr_spec_fixed(&spec, &local, &out), 0);
	assert_string_equal(addr_host(&out, host), "0.0.0.0");
	client = inet("2001:db8::5", 4711);
	client.u.in6.sin6_scope_id = 3;
	assert_int_equal(addr_spec_fixed(&spec, &client, &out), 0);
	assert_string_equal(addr_host(&out, host), "2001:db8::5");
	assert_int_equal(addr_port(&out), 26);
	assert_int_equal(out.u.in6.sin6_scope_id, 3);
	/* Others do not. */
	assert_int_equal(addr_spec_parse(&spec, "192.0.2.1:26", 1), 0);
	assert_int_equal(addr_spec_fixed(&spec, &client, &out), 0);
	assert_string_equal(addr_host(&out, host), "192.0.2.1");
}

static void
nothing_set_is_nothing(void **state)
{
	struct addr_spec spec = {.kind = ADDR_NONE};
	struct addr out;

	(void)state;
	errno = 0;
	assert_int_equal(addr_spec_fixed(&spec, NULL, &out), -1);
	assert_int_equal(errno, EHOSTUNREACH);
}

/* Only what is looked up has one. */
static void
tells_the_name(void **state)
{
	char name[ADDR_NAME_MAX + 1] = "x";
	struct addr_spec spec;

	(void)state;
	assert_int_equal(addr_spec_parse(&spec, "mx.test:25", 1), 0);
	assert_string_equal(addr_spec_name(&spec, name), "mx.test");
	assert_int_equal(addr_spec_parse(&spec, "[::1]:25", 1), 0);
	assert_string_equal(addr_spec_name(&spec, name), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_addresses),
	    cmocka_unit_test(paths_have_a_limit),
	    cmocka_unit_test(host_names_have_a_limit),
	    cmocka_unit_test(a_port_alone_takes_the_other_host),
	    cmocka_unit_test(nothing_set_is_nothing),
	    cmocka_unit_test(tells_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
