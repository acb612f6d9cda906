/*
 * Dialogues: what the server is asked, what the client is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/turn.h"

#include "tests/unit/session/pair.h"

#define HELLO "250-smtp.passthru\r\n"
#define LOST UPSTREAM_LEFT

/* Lines of the client's begin with "C ", of the server's with "S ". */
static const struct {
	const char *title;
	const char *script[12];
	const char *asked; /* the server */
	const char *told; /* the client */
	enum upstream_loss lost;
	enum client_end end;
	bool data; /* DATA is the caller's now */
} cases[] = {
    {"a transaction",
	{"S 220 x", "C MAIL FROM:<a@b>", "S 250 a", "C RCPT TO:<c@d>",
	    "S 250 b", "C DATA"},
	"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
	"220 smtp.passthru\r\n250 a\r\n250 b\r\n", UPSTREAM_THERE, CLIENT_STAYS,
	true},
    {"no recipient",
	{"S 220 x", "C DATA", "C MAIL FROM:<a@b>", "S 250 a", "C RCPT TO:<c@d>",
	    "S 550 b", "C DATA"},
	"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
	"220 smtp.passthru\r\n503 Need MAIL and RCPT before DATA\r\n250 a\r\n"
	"550 b\r\n554 No valid recipients\r\n",
	UPSTREAM_THERE, CLIENT_STAYS, false},
    {"keywords and codes",
	{"S 220 x", "C EHLO me", "S 250-real", "S 250-CHUNKING",
	    "S 250-ENHANCEDSTATUSCODES", "S 250 STARTTLS", "C STARTTLS",
	    "C HELO me", "S 250 real", "C STARTTLS"},
	"EHLO me\r\nHELO me\r\n",
	"220 smtp.passthru\r\n" HELLO "250-ENHANCEDSTATUSCODES\r\n"
	"250 XFILTERED\r\n502 5.5.1 Command not implemented\r\n"
	"250 smtp.passthru\r\n502 Command not implemented\r\n",
	UPSTREAM_THERE, CLIENT_STAYS, false},
    {"LMTP does not mix",
	{"S 220 x", "C EHLO me", "S 500 no", "C LHLO me", "S 250 real",
	    "C EHLO me", "C HELO me", "C LHLO me", "S 250 real"},
	"EHLO me\r\nLHLO me\r\nLHLO me\r\n",
	"220 smtp.passthru\r\n500 no\r\n250 smtp.passthru\r\n"
	"503 LMTP and SMTP do not mix in one session\r\n"
	"503 LMTP and SMTP do not mix in one session\r\n"
	"250 smtp.passthru\r\n",
	UPSTREAM_THERE, CLIENT_STAYS, false},
    {"a refused answer to 334",
	{"S 220 x", "C AUTH LOGIN", "S 334 who", "C a\rb", "C NOOP",
	    "S 501 cancelled", "S 250 ok"},
	"AUTH LOGIN\r\n*\r\nNOOP\r\n",
	"220 smtp.passthru\r\n334 who\r\n500 Command with NUL or stray CR\r\n"
	"250 ok\r\n",
	UPSTREAM_THERE, CLIENT_STAYS, false},
    {"AUTH cannot be cancelled",
	{"S 220 x", "C AUTH LOGIN", "S 334 who", "C a\rb", "S 334 again"},
	"AUTH LOGIN\r\n*\r\n",
	"220 smtp.passthru\r\n334 who\r\n500 Command with NUL or stray CR\r\n",
	UPSTREAM_NONSENSE, CLIENT_STAYS, false},
    {"goodbye to a command", {"S 220 x", "C NOOP", "S 421-a", "S 421 b"},
	"NOOP\r\n", "220 smtp.passthru\r\n421-a\r\n421 b\r\n", LOST,
	CLIENT_STAYS, false},
    {"goodbye unasked", {"S 220 x", "S 421 b", "C NOOP"}, "",
	"220 smtp.passthru\r\n421 b\r\n", LOST, CLIENT_STAYS, false},
    {"354 is ours to say", {"S 220 x", "C NOOP", "S 354 go"}, "NOOP\r\n",
	"220 smtp.passthru\r\n", UPSTREAM_NONSENSE, CLIENT_STAYS, false},
    {"out of step", {"S 220 x", "C NOOP\r\nNOOP"}, NULL,
	"220 smtp.passthru\r\n", UPSTREAM_THERE, CLIENT_OUT_OF_STEP, false},
    {"QUIT", {"S 220 x", "C QUIT", "S 221 bye"}, "QUIT\r\n",
	"220 smtp.passthru\r\n221 bye\r\n", UPSTREAM_THERE, CLIENT_QUIT, false},
};

static void
holds_dialogues(void **state)
{
	const struct addr nobody = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pair p = {0};
		bool data;

		pair_open(&p, &nobody, NULL);
		data = pair_play(&p, cases[i].script, COUNT(cases[i].script));
		pair_expect_heard(cases[i].title, &p.client, cases[i].told);
		if (cases[i].asked != NULL)
			pair_expect_heard(
			    cases[i].title, &p.server, cases[i].asked);
		assert_int_equal(p.s.upstream.lost, cases[i].lost);
		assert_int_equal(p.s.client.end, cases[i].end);
		assert_int_equal(data, cases[i].data);
		pair_close(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(holds_dialogues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
