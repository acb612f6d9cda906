/*
 * What becomes of a greeting: the name, the keywords, SMTP or LMTP.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/hello.h"

#include "tests/unit/session/pair.h"

#define GREETING "220 smtp.passthru\r\n"
#define NAME "250-smtp.passthru\r\n"

static const struct {
	const char *title;
	const char *script[9];
	const char *told; /* the client */
	enum hello_protocol protocol;
	bool pipelines;
	bool codes;
} cases[] = {
    {"a greeting of two lines", {"S 220-a", "S 220 b"}, GREETING, HELLO_NONE,
	false, false},
    {"none", {"S 554-no", "S 554 b"}, "554-no\r\n554 b\r\n", HELLO_NONE, false,
	false},
    {"no name", {"S 220 x", "C HELO me", "S 250"}, GREETING "250\r\n",
	HELLO_SMTP, false, false},
    {"another 2yz", {"S 220 x", "C HELO me", "S 251 x"},
	GREETING "250 smtp.passthru\r\n", HELLO_SMTP, false, false},
    {"refused", {"S 220 x", "C EHLO me", "S 501 x"}, GREETING "501 x\r\n",
	HELLO_NONE, false, false},
    {"keywords",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250-PIPELINING",
	    "S 250-CHUNKING", "S 250-8BITMIME", "S 250 ENHANCEDSTATUSCODES"},
	GREETING NAME
	"250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
	HELLO_SMTP, true, true},
    {"the last one is hidden",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250-PIPELINING",
	    "S 250 STARTTLS"},
	GREETING NAME "250-PIPELINING\r\n250 XFILTERED\r\n", HELLO_SMTP, true,
	false},
    {"the next one offers nothing",
	{"S 220 x", "C EHLO me", "S 250-x", "S 250 PIPELINING", "C EHLO me",
	    "S 250 x"},
	GREETING NAME "250 PIPELINING\r\n250 smtp.passthru\r\n", HELLO_SMTP,
	false, false},
    {"LMTP stays it",
	{"S 220 x", "C LHLO me", "S 250-x", "S 250 PIPELINING", "C HELO me"},
	GREETING NAME "250 PIPELINING\r\n"
		      "503 LMTP and SMTP do not mix in one session\r\n",
	HELLO_LMTP, true, false},
};

static void
shows_what_can_be_honoured(void **state)
{
	const struct addr nobody = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pair p = {0};

		pair_open(&p, &nobody, NULL);
		(void)pair_play(&p, cases[i].script, COUNT(cases[i].script));
		pair_expect_heard(cases[i].title, &p.client, cases[i].told);
		assert_int_equal(p.s.hello.protocol, cases[i].protocol);
		assert_int_equal(p.s.upstream.pipelines, cases[i].pipelines);
		assert_int_equal(p.s.client.codes, cases[i].codes);
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
	    cmocka_unit_test(shows_what_can_be_honoured),
	    cmocka_unit_test(gives_way_before_the_client_has_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
