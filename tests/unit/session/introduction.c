/*
 * XCLIENT behind a greeting: who the client is, and what if that is refused.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/introduction.h"

#include "tests/unit/session/pair.h"

#define OURS "250 smtp.passthru\r\n"
#define GREETING "220 smtp.passthru\r\n"

static const struct {
	const char *title;
	const char *script[12];
	const char *asked; /* the server */
	const char *told; /* the client */
	enum hello_protocol protocol;
	enum introduction_state state;
	bool authenticated; /* before */
} cases[] = {
    {"offered",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250 XCLIENT ADDR", "C NOOP",
	    "S 220 x", "S 250 x", "S 250 ok"},
	"EHLO me\r\nXCLIENT ADDR=192.0.2.1\r\nEHLO me\r\nNOOP\r\n",
	GREETING "250-smtp.passthru\r\n250 XFILTERED\r\n250 ok\r\n", HELLO_SMTP,
	INTRODUCTION_MADE, false},
    {"not offered", {"S 220 x", "C EHLO me", "S 250 x", "C NOOP", "S 250 ok"},
	"EHLO me\r\nNOOP\r\n", GREETING OURS "250 ok\r\n", HELLO_SMTP,
	INTRODUCTION_NONE, false},
    {"no longer offered",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250 XCLIENT ADDR", "C EHLO me",
	    "S 220 x", "S 250 x", "S 250 x", "C NOOP", "S 250 ok"},
	"EHLO me\r\nXCLIENT ADDR=192.0.2.1\r\nEHLO me\r\nEHLO me\r\nNOOP\r\n",
	GREETING "250-smtp.passthru\r\n250 XFILTERED\r\n" OURS "250 ok\r\n",
	HELLO_SMTP, INTRODUCTION_MADE, true},
    /* The name alone may be what is refused: then all but for it. */
    {"refused with the name",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250 XCLIENT NAME ADDR PROTO",
	    "C NOOP", "S 501 no", "S 220 x", "S 250 x", "S 250 ok"},
	"EHLO me\r\n"
	"XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1 PROTO=ESMTP\r\n"
	"XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1\r\nEHLO me\r\nNOOP\r\n",
	GREETING "250-smtp.passthru\r\n250 XFILTERED\r\n250 ok\r\n", HELLO_SMTP,
	INTRODUCTION_MADE, false},
    {"assumed of HELO, address and then name",
	{"S 220 x", "C HELO me", "S 250 x", "C NOOP", "S 220 x", "S 501 no",
	    "S 250 x", "S 250 ok"},
	"HELO me\r\nXCLIENT ADDR=192.0.2.1\r\nXCLIENT NAME=[UNAVAILABLE]\r\n"
	"HELO me\r\nNOOP\r\n",
	GREETING OURS "250 ok\r\n", HELLO_SMTP, INTRODUCTION_MADE, true},
    {"refused",
	{"S 220 x", "C HELO me", "S 250 x", "C NOOP", "S 550 no", "S 250 ok"},
	"HELO me\r\nXCLIENT ADDR=192.0.2.1\r\nNOOP\r\n",
	GREETING OURS "250 ok\r\n", HELLO_SMTP, INTRODUCTION_MADE, false},
    {"LMTP",
	{"S 220 x", "C LHLO me", "S 250-x", "S 250 XCLIENT PROTO", "C NOOP",
	    "S 220 x", "S 250 x", "S 250 ok"},
	"LHLO me\r\nXCLIENT PROTO=ESMTP\r\nLHLO me\r\nNOOP\r\n",
	GREETING "250-smtp.passthru\r\n250 XFILTERED\r\n250 ok\r\n", HELLO_LMTP,
	INTRODUCTION_MADE, false},
};

static void
tells_the_server_who_it_is(void **state)
{
	struct addr peer;

	(void)state;
	assert_int_equal(addr_parse_number(&peer, "192.0.2.1", 9, 1234), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pair p = {.set = {.xclient = true}};
		struct introduction *who = &p.s.introduction;

		pair_open(&p, &peer, NULL);
		if (cases[i].authenticated)
			introduction_note_auth(who);
		(void)pair_play(&p, cases[i].script, COUNT(cases[i].script));
		pair_expect_heard(cases[i].title, &p.client, cases[i].told);
		pair_expect_heard(cases[i].title, &p.server, cases[i].asked);
		assert_int_equal(p.s.hello.protocol, cases[i].protocol);
		assert_int_equal(who->state, cases[i].state);
		/* XCLIENT that was accepted undoes it, nothing else. */
		assert_false(who->authenticated);
		pair_close(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_the_server_who_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
