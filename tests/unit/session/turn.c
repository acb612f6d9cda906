/*
 * Dialogues: what the server is asked, what the client is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/turn.h"

#include "common/conn_out.h"
#include "src/session/client_out.h"
#include "src/session/hello.h"
#include "src/session/transaction.h"
#include "src/session/upstream_in.h"
#include "src/session/upstream_own.h"
#include "tests/unit/party.h"

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
open_session(struct session *s, struct party *client, struct party *server)
{
	static const struct party_step nothing[] = {{PARTY_END, T("")}};
	const struct addr nobody = {0};

	client_open(&s->client, party_open(client, nothing), &nobody,
	    &client->waiter, 60000);
	conn_open(&s->upstream.conn, "SERVER", party_open(server, nothing),
	    &server->waiter, 60000);
	s->upstream.barrier = true;
	assert_int_equal(
	    pending_push(&s->upstream.pending, &hello_greeting, "", 0), 0);
	watch_open(&s->watch, &s->client, &s->upstream, -1, 60000, 0);
}

/* What relay does in a turn, but for the waiting.  Was DATA said? */
static bool
take_turn(struct session *s)
{
	enum turn heard, asked;

	turn_read_upstream(s);
	client_read(&s->client);
	do {
		heard = turn_take_replies(s);
		asked = turn_take_commands(s);
	} while (asked != TURN_DATA &&
	    (heard != TURN_NOTHING || asked != TURN_NOTHING));
	client_flush(&s->client);
	if (!session_is_over(s))
		assert_int_equal(upstream_flush(&s->upstream), IO_OK);
	return asked == TURN_DATA;
}

static void
expect(const char *title, const struct strbuf *got, const char *want)
{
	expect_text((struct text){title, strlen(title)}, strbuf_str(got),
	    got->len, (struct text){want, strlen(want)});
}

static void
holds_dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings set = {.timeout_ms = 60000};
		struct session s = {.set = &set};
		struct party client, server;
		bool data = false;

		open_session(&s, &client, &server);
		for (size_t n = 0; n < COUNT(cases[i].script) &&
		     cases[i].script[n] != NULL && !session_is_over(&s);
		     n++) {
			const char *line = cases[i].script[n];
			struct party *p = *line == 'C' ? &client : &server;

			party_say(p, (struct text){line + 2, strlen(line) - 2});
			party_say(p, (struct text)T("\r\n"));
			data = take_turn(&s);
		}
		party_listen(&client);
		party_listen(&server);
		expect(cases[i].title, &client.heard, cases[i].told);
		if (cases[i].asked != NULL)
			expect(cases[i].title, &server.heard, cases[i].asked);
		assert_int_equal(s.upstream.lost, cases[i].lost);
		assert_int_equal(s.client.end, cases[i].end);
		assert_int_equal(data, cases[i].data);
		transaction_end(&s);
		hello_close(&s.hello);
		upstream_close(&s.upstream);
		conn_close(&s.client.conn);
		party_close(&client);
		party_close(&server);
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
