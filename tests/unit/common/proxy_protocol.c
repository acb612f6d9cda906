/*
 * The header that a balancer puts before a connection, at every cut.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/proxy_protocol.h"

#include "tests/unit/unit.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4 "\xc0\0\2\7\xc0\0\2\1\x9c\x40\0\x19"
#define IPV6                                                                   \
	" \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\7 \1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\1"   \
	"\x9c\x40\0\x19"
#define MAPPED                                                                 \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7\0\0\0\0\0\0\0\0\0\0\xff\xff"   \
	"\xc0\0\2\1\x9c\x40\0\x19"
#define TLV "\4\0\2\0\0"

static const struct {
	struct text in; /* a header */
	enum proxy_protocol kind;
	const char *client, *destination; /* with their ports 40000 and 25 */
} good[] = {
    {T("PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"), PROXY_PROTOCOL_CLIENT,
	"192.0.2.7", "192.0.2.1"},
    {T("PROXY TCP6 2001:db8::7 2001:DB8::1 40000 25\r\n"),
	PROXY_PROTOCOL_CLIENT, "2001:db8::7", "2001:db8::1"},
    {T("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 40000 25\r\n"),
	PROXY_PROTOCOL_CLIENT, "192.0.2.7", "192.0.2.1"},
    {T("PROXY UNKNOWN\r\n"), PROXY_PROTOCOL_KEEP, "", ""},
    {T("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"),
	PROXY_PROTOCOL_KEEP, "", ""},
    {T("PROXY UNKNOWN  \r\r\n"), PROXY_PROTOCOL_KEEP, "", ""},
    {T(SIGNATURE "\x21\x11\0\x0c" IPV4), PROXY_PROTOCOL_CLIENT, "192.0.2.7",
	"192.0.2.1"},
    {T(SIGNATURE "\x21\x11\0\x11" IPV4 TLV), PROXY_PROTOCOL_CLIENT, "192.0.2.7",
	"192.0.2.1"},
    {T(SIGNATURE "\x21\x21\0\x24" IPV6), PROXY_PROTOCOL_CLIENT, "2001:db8::7",
	"2001:db8::1"},
    {T(SIGNATURE "\x21\x21\0\x24" MAPPED), PROXY_PROTOCOL_CLIENT, "192.0.2.7",
	"192.0.2.1"},
    {T(SIGNATURE "\x21\0\0\0"), PROXY_PROTOCOL_KEEP, "", ""},
    {T(SIGNATURE "\x21\0\0\5" TLV), PROXY_PROTOCOL_KEEP, "", ""},
    {T(SIGNATURE "\x21\x12\0\x0c" IPV4), PROXY_PROTOCOL_KEEP, "", ""},
    {T(SIGNATURE "\x21\x22\0\x24" IPV6), PROXY_PROTOCOL_KEEP, "", ""},
    {T(SIGNATURE "\x20\0\0\0"), PROXY_PROTOCOL_LOCAL, "", ""},
    {T(SIGNATURE "\x20\x11\0\x0c" IPV4), PROXY_PROTOCOL_LOCAL, "", ""},
    {T(SIGNATURE "\x20\xff\0\5" TLV), PROXY_PROTOCOL_LOCAL, "", ""},
};

static void
expect_address(
    struct text in, const struct addr *a, const char *host, in_port_t port)
{
	char text[ADDR_TEXT_MAX];

	addr_host(a, text);
	expect_text(in, text, strlen(text), (struct text){host, strlen(host)});
	expect_number(in, "port", addr_port(a), *host == '\0' ? 0 : port);
}

static void
reads_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		const struct text in = good[i].in;
		char with_more[256];
		struct proxy_protocol_header h;

		memcpy(with_more, in.p, in.len);
		memcpy(with_more + in.len, "EHLO x\r\n", 8);
		expect_number(in, "kind",
		    proxy_protocol_parse(with_more, in.len + 8, &h),
		    good[i].kind);
		expect_number(
		    in, "length", (long long)h.len, (long long)in.len);
		expect_address(in, &h.client, good[i].client, 40000);
		expect_address(in, &h.destination, good[i].destination, 25);
		for (size_t n = 0; n < in.len; n++)
			expect_number(in, "cut",
			    proxy_protocol_parse(in.p, n, &h),
			    PROXY_PROTOCOL_MORE);
	}
}

/* Each is bad with the octet that is given, and not before. */
static void
refuses_what_is_none(void **state)
{
	static const struct {
		struct text in;
		size_t from; /* so many octets of it show it */
	} cases[] = {
	    {T("EHLO x\r\n"), 1},
	    {T("\0"), 1},
	    {T("proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n"), 1},
	    {T("PROXX"), 5},
	    {T("PROXY\r\n"), 6},
	    {T("PROXY \r\n"), 8},
	    {T("PROXY \n"), 7},
	    {T("PROXY UNKNOWN\n"), 14},
	    {T("PROXY unknown\r\n"), 15},
	    {T("PROXY UNKNOWNX\r\n"), 16},
	    {T("PROXY TCP4\r\n"), 12},
	    {T("PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n"), 32},
	    {T("PROXY TCP 1.2.3.4 1.2.3.4 1 1\r\n"), 31},
	    {T("PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n"), 32},
	    {T("PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n"), 30},
	    {T("PROXY TCP4 ::1 ::1 1 1\r\n"), 24},
	    {T("PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n"), 32},
	    {T("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), 30},
	    {T("PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n"), 31},
	    {T("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n"), 33},
	    {T("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n"), 34},
	    {T("PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n"), 33},
	    {T("PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n"), 33},
	    {T("PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n"), 33},
	    {T("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"), 36},
	    {T("PROXY TCP4 1.2.3.4 1.2.3.4 1 123456\r\n"), 37},
	    {T("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 1\r\n"), 33},
	    {T("\r\n\r\n\0\r\nQUIX"), 11},
	    {T("\r\nEHLO"), 3},
	    {T(SIGNATURE "\x11\x11\0\x0c" IPV4), 16},
	    {T(SIGNATURE "\x22\x11\0\x0c" IPV4), 16},
	    {T(SIGNATURE "\x31\x11\0\x0c" IPV4), 16},
	    {T(SIGNATURE "\x21\x11\0\x0b" IPV4), 16},
	    {T(SIGNATURE "\x21\x21\0\x23" IPV6), 16},
	    {T(SIGNATURE "\x21\x31\0\xd7"), 16},
	    {T(SIGNATURE "\x21\x10\0\x0c" IPV4), 16},
	    {T(SIGNATURE "\x21\x13\0\x0c" IPV4), 16},
	    {T(SIGNATURE "\x21\x41\0\x0c" IPV4), 16},
	    {T(SIGNATURE "\x21\1\0\0"), 16},
	    {T(SIGNATURE "\x21\x11\x10\x0d"), 16},
	    {T(SIGNATURE "\x21\x21\xff\xff"), 16},
	    {T(SIGNATURE "\x20\0\x10\1"), 16},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text in = cases[i].in;
		struct proxy_protocol_header h;

		for (size_t n = 0; n <= in.len; n++)
			expect_number(in, "octets and kind",
			    (long long)n * 10 +
				proxy_protocol_parse(in.p, n, &h),
			    (long long)n * 10 +
				(n < cases[i].from ? PROXY_PROTOCOL_MORE
						   : PROXY_PROTOCOL_BAD));
	}
}

static void
knows_its_limits(void **state)
{
	static char text[16 + 216 + 4096 + 1] = SIGNATURE "\x21\x31\x10\xd8";
	static char line[108] = "PROXY UNKNOWN";
	struct proxy_protocol_header h;

	(void)state;
	assert_int_equal(proxy_protocol_parse(text, 16 + 216 + 4095, &h),
	    PROXY_PROTOCOL_MORE);
	assert_int_equal(
	    proxy_protocol_parse(text, sizeof text, &h), PROXY_PROTOCOL_KEEP);
	assert_int_equal(h.len, 16 + 216 + 4096);
	memset(line + 13, ' ', sizeof line - 13);
	assert_int_equal(
	    proxy_protocol_parse(line, 106, &h), PROXY_PROTOCOL_MORE);
	assert_int_equal(
	    proxy_protocol_parse(line, 107, &h), PROXY_PROTOCOL_BAD);
	memcpy(line + 106, "\r\n", 2);
	assert_int_equal(
	    proxy_protocol_parse(line, 108, &h), PROXY_PROTOCOL_BAD);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(
	    proxy_protocol_parse(line, 107, &h), PROXY_PROTOCOL_KEEP);
	assert_int_equal(h.len, 107);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_headers),
	    cmocka_unit_test(refuses_what_is_none),
	    cmocka_unit_test(knows_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
