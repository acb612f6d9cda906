/*
 * A session between a scripted client and a scripted server.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_UNIT_SESSION_PAIR_H
#define TESTS_UNIT_SESSION_PAIR_H

#include "src/session/client_out.h"
#include "src/session/hello.h"
#include "src/session/introduction.h"
#include "src/session/transaction.h"
#include "src/session/turn.h"
#include "src/session/upstream_own.h"
#include "tests/unit/party.h"

#define PAIR_TIMEOUT_MS 60000

struct pair {
	struct settings set;
	struct session s;
	struct party client, server;
};

/* p->set may have been filled.  peer: who the client is; steps: the server's. */
static inline void
pair_open(
    struct pair *p, const struct addr *peer, const struct party_step *steps)
{
	static const struct party_step nothing[] = {{PARTY_END, T("")}};
	struct session *s = &p->s;

	p->set.timeout_ms = PAIR_TIMEOUT_MS;
	*s = (struct session){.set = &p->set};
	client_open(&s->client, party_open(&p->client, nothing), peer,
	    &p->client.waiter, PAIR_TIMEOUT_MS);
	conn_open(&s->upstream.conn, "SERVER",
	    party_open(&p->server, steps == NULL ? nothing : steps),
	    &p->server.waiter, PAIR_TIMEOUT_MS);
	watch_open(&s->watch, &s->client, &s->upstream, -1, PAIR_TIMEOUT_MS, 0);
}

/* What relay does in a turn, but for the waiting.  Was DATA said? */
static inline bool
pair_turn(struct session *s)
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

/*
 * Begin with the greeting that is due, and have lines said, those of the client
 * ("C ...") and of the server ("S ..."), each in a turn of its own, up to a
 * NULL.  Was DATA said last?
 */
static inline bool
pair_play(struct pair *p, const char *const *script, size_t count)
{
	bool data = false;

	p->s.upstream.barrier = true;
	assert_int_equal(
	    pending_push(&p->s.upstream.pending, &hello_greeting, "", 0), 0);
	for (size_t n = 0;
	     n < count && script[n] != NULL && !session_is_over(&p->s); n++) {
		struct party *who = *script[n] == 'C' ? &p->client : &p->server;

		party_say(
		    who, (struct text){script[n] + 2, strlen(script[n]) - 2});
		party_say(who, (struct text)T("\r\n"));
		data = pair_turn(&p->s);
	}
	return data;
}

static inline void
pair_expect(const char *title, const struct strbuf *got, const char *want)
{
	expect_text((struct text){title, strlen(title)}, strbuf_str(got),
	    got->len, (struct text){want, strlen(want)});
}

/* What it has heard until now. */
static inline void
pair_expect_heard(const char *title, struct party *who, const char *want)
{
	party_listen(who);
	pair_expect(title, &who->heard, want);
}

static inline void
pair_close(struct pair *p)
{
	transaction_end(&p->s);
	hello_close(&p->s.hello);
	upstream_close(&p->s.upstream);
	conn_close(&p->s.client.conn);
	party_close(&p->client);
	party_close(&p->server);
}

#endif
