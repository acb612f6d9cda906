/*
 * What becomes of a greeting: names, keywords, and XCLIENT behind it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/hello.h"

#include "tests/unit/session/pair.h"

#define OURS "250 smtp.passthru\r\n"
#define GREETING "220 smtp.passthru\r\n"

static const struct {
	const char *title;
	const char *script[12];
	const char *asked; /* the server */
	const char *told; /* the client */
	enum hello_protocol protocol;
	enum hello_xclient xclient;
	bool authenticated; /* before */
} cases[] = {
    {"offered",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250 XCLIENT ADDR", "C NOOP",
	    "S 220 x", "S 250 x", "S 250 ok"},
	"EHLO me\r\nXCLIENT ADDR=192.0.2.1\r\nEHLO me\r\nNOOP\r\n",
	GREETING "250-smtp.passthru\r\n250 XFILTERED\r\n250 ok\r\n", HELLO_SMTP,
	HELLO_XCLIENT_SENT, false},
    {"not offered", {"S 220 x", "C EHLO me", "S 250 x", "C NOOP", "S 250 ok"},
	"EHLO me\r\nNOOP\r\n", GREETING OURS "250 ok\r\n", HELLO_SMTP,
	HELLO_XCLIENT_NONE, false},
    {"no longer offered",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250 XCLIENT ADDR", "C EHLO me",
	    "S 220 x", "S 250 x", "S 250 x", "C NOOP", "S 250 ok"},
	"EHLO me\r\nXCLIENT ADDR=192.0.2.1\r\nEHLO me\r\nEHLO me\r\nNOOP\r\n",
	GREETING "250-smtp.passthru\r\n250 XFILTERED\r\n" OURS "250 ok\r\n",
	HELLO_SMTP, HELLO_XCLIENT_SENT, true},
    /* The name alone may be what is refused: then all but for it. */
    {"refused with the name",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250 XCLIENT NAME ADDR PROTO",
	    "C NOOP", "S 501 no", "S 220 x", "S 250 x", "S 250 ok"},
	"EHLO me\r\n"
	"XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1 PROTO=ESMTP\r\n"
	"XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1\r\nEHLO me\r\nNOOP\r\n",
	GREETING "250-smtp.passthru\r\n250 XFILTERED\r\n250 ok\r\n", HELLO_SMTP,
	HELLO_XCLIENT_SENT, false},
    {"assumed of HELO, address and then name",
	{"S 220 x", "C HELO me", "S 250 x", "C NOOP", "S 220 x", "S 501 no",
	    "S 250 x", "S 250 ok"},
	"HELO me\r\nXCLIENT ADDR=192.0.2.1\r\nXCLIENT NAME=[UNAVAILABLE]\r\n"
	"HELO me\r\nNOOP\r\n",
	GREETING OURS "250 ok\r\n", HELLO_SMTP, HELLO_XCLIENT_SENT, true},
    {"refused",
	{"S 220 x", "C HELO me", "S 250 x", "C NOOP", "S 550 no", "S 250 ok"},
	"HELO me\r\nXCLIENT ADDR=192.0.2.1\r\nNOOP\r\n",
	GREETING OURS "250 ok\r\n", HELLO_SMTP, HELLO_XCLIENT_SENT, false},
    {"LMTP",
	{"S 220 x", "C LHLO me", "S 250-x", "S 250 XCLIENT PROTO", "C NOOP",
	    "S 220 x", "S 250 x", "S 250 ok"},
	"LHLO me\r\nXCLIENT PROTO=ESMTP\r\nLHLO me\r\nNOOP\r\n",
	GREETING "250-smtp.passthru\r\n250 XFILTERED\r\n250 ok\r\n", HELLO_LMTP,
	HELLO_XCLIENT_SENT, false},
    {"a name that is none",
	{"S 220-a", "S 220 b", "C HELO me", "S 250", "C EHLO me", "S 550 no",
	    "S 501 no"},
	"HELO me\r\nXCLIENT ADDR=192.0.2.1\r\nEHLO me\r\n",
	GREETING "250\r\n501 no\r\n", HELLO_SMTP, HELLO_XCLIENT_SENT, false},
};

static void
tells_the_server_who_it_is(void **state)
{
	struct addr peer;

	(void)state;
	assert_int_equal(addr_parse_number(&peer, "192.0.2.1", 9, 1234), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pair p = {.set = {.xclient = true}};
		struct hello *h = &p.s.hello;

		pair_open(&p, &peer, NULL);
		if (cases[i].authenticated)
			hello_note_auth(h);
		(void)pair_play(&p, cases[i].script, COUNT(cases[i].script));
		pair_expect_heard(cases[i].title, &p.client, cases[i].told);
		pair_expect_heard(cases[i].title, &p.server, cases[i].asked);
		assert_int_equal(h->protocol, cases[i].protocol);
		assert_int_equal(h->xclient, cases[i].xclient);
		/* XCLIENT that was accepted undoes it, nothing else. */
		assert_false(h->authenticated);
		pair_close(&p);
	}
}

/* As long as the client has heard of no server, another one may do. */
static void
gives_way_before_the_client_has_heard(void **state)
{
	static const struct upstream_line goodbye = {
	    .data = "421 x", .len = 5, .reply = {.code = 421, .last = true}};
	struct settings set = {.out_addresses = {.count = 2}};
	struct session s = {.set = &set};

	(void)state;
	s.target.until = deadline_in(60000);
	s.target.name = "first";
	assert_true(hello_gives_way(&s, &goodbye));
	s.hello.greeted = true;
	assert_false(hello_gives_way(&s, &goodbye));
	s.hello.greeted = false;
	set.out_addresses.count = 1;
	assert_false(hello_gives_way(&s, &goodbye));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_the_server_who_it_is),
	    cmocka_unit_test(gives_way_before_the_client_has_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
