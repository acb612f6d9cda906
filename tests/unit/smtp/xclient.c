/*
 * What a server is told with XCLIENT.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/xclient.h"

#include "tests/unit/unit.h"

#define ALL 127U

static struct addr client, destination;

static void
set(const char *ip, const char *destination_ip)
{
	client = destination = (struct addr){0};
	if (ip != NULL)
		assert_int_equal(
		    addr_parse_number(&client, ip, strlen(ip), 40000), 0);
	if (destination_ip != NULL)
		assert_int_equal(addr_parse_number(&destination, destination_ip,
				     strlen(destination_ip), 25),
		    0);
}

static void
expect_lines(unsigned attributes, struct text hello, const char *want)
{
	const struct xclient_facts facts = {
	    &client, &destination, hello.p, hello.len};
	struct strbuf line = {0}, all = {0};

	while (xclient_next(&attributes, &facts, &line)) {
		assert_true(line.len + 2 <= 512);
		strbuf_puts(&all, strbuf_str(&line));
		strbuf_puts(&all, "\n");
	}
	expect_text(hello, strbuf_str(&all), all.len,
	    (struct text){want, strlen(want)});
	strbuf_free(&line);
	strbuf_free(&all);
}

static void
knows_what_is_offered(void **state)
{
	static const struct {
		struct text in;
		unsigned set;
	} cases[] = {
	    {T("XCLIENT"), 0},
	    {T("XCLIENT NAME ADDR"), XCLIENT_NAME | XCLIENT_ADDR},
	    {T("xclient name addr"), XCLIENT_NAME | XCLIENT_ADDR},
	    {T("XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"),
		ALL},
	    {T("XCLIENT  ADDR\tPORT "), XCLIENT_ADDR | XCLIENT_PORT},
	    {T("XCLIENT ADDRESS XNAME LOGIN TTL"), 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_number(cases[i].in, "set",
		    xclient_offered(cases[i].in.p, cases[i].in.len),
		    cases[i].set);
}

static void
tells_what_is_known(void **state)
{
	static const struct text ehlo = T("EHLO client.example"),
				 helo = T(" helo  c+d "), lhlo = T("LHLO x"),
				 none = T("EHLO");

	(void)state;
	set("192.0.2.7", "192.0.2.1");
	expect_lines(ALL, ehlo,
	    "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=40000 "
	    "DESTADDR=192.0.2.1 DESTPORT=25 PROTO=ESMTP HELO=client.example\n");
	expect_lines(XCLIENT_NAME | XCLIENT_ADDR, ehlo,
	    "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7\n");
	expect_lines(XCLIENT_PROTO | XCLIENT_HELO, helo,
	    "XCLIENT PROTO=SMTP HELO=c+2Bd\n");
	expect_lines(
	    XCLIENT_PROTO | XCLIENT_HELO, lhlo, "XCLIENT PROTO=ESMTP HELO=x\n");
	expect_lines(XCLIENT_HELO, none, "");
	expect_lines(0, ehlo, "");
	set("2001:db8::7", "2001:db8::1");
	expect_lines(XCLIENT_ADDR | XCLIENT_DESTADDR, ehlo,
	    "XCLIENT ADDR=IPV6:2001:db8::7 DESTADDR=IPV6:2001:db8::1\n");
	set("192.0.2.7", NULL);
	expect_lines(XCLIENT_ADDR | XCLIENT_DESTADDR | XCLIENT_DESTPORT, ehlo,
	    "XCLIENT ADDR=192.0.2.7\n");
}

/* Each attribute is told once, and none makes a line too long. */
static void
minds_the_length(char c, size_t wide)
{
	char hello[5 + 300] = "EHLO ";

	set("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
	    "2001:db8:1111:2222:3333:4444:5555:6666");
	memset(hello + 5, c, sizeof hello - 5);
	for (size_t len = 1; len <= sizeof hello - 5; len++) {
		const struct xclient_facts facts = {
		    &client, &destination, hello, 5 + len};
		/* A host name, and what "XCLIENT HELO=" and CRLF leave. */
		const bool fits = len <= 255 && len * wide <= 512 - 13 - 2;
		struct strbuf line = {0};
		unsigned rest = ALL, lines = 0;
		size_t attributes = 0, helo = 0;

		while (xclient_next(&rest, &facts, &line)) {
			const char *p = strbuf_str(&line);

			assert_true(line.len + 2 <= 512);
			lines++;
			for (const char *e = p; (e = strchr(e, '=')) != NULL;
			     e++)
				attributes++;
			p = strstr(p, " HELO=");
			if (p != NULL)
				helo = strlen(p + 6);
		}
		assert_int_equal(helo, fits ? len * wide : 0);
		assert_int_equal(attributes, fits ? 7 : 6);
		assert_true(lines <= 2);
		strbuf_free(&line);
	}
}

static void
minds_the_length_of_lines(void **state)
{
	(void)state;
	minds_the_length('h', 1);
	minds_the_length('+', 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_what_is_offered),
	    cmocka_unit_test(tells_what_is_known),
	    cmocka_unit_test(minds_the_length_of_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
