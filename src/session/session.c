/*
 * One connection of a client: what its rooms share.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/session.h"

#include "common/log.h"
#include "src/session/client_out.h"

/*
 * The server's transaction is what it was, and its recipients must not get the
 * next message.
 */
static void
note_reset(struct session *s, const struct upstream_line *l)
{
	if (smtp_reply_is_positive(l->reply.code))
		return;
	log_error("server refused to reset");
	upstream_leave(&s->upstream, UPSTREAM_CLOSED);
}

/* What could be answered to a challenge behind that would be a new one. */
static void
note_cancel(struct session *s, const struct upstream_line *l)
{
	if (l->reply.code != 334)
		return;
	log_error("server does not let AUTH be cancelled");
	upstream_lose(&s->upstream, UPSTREAM_NONSENSE);
}

static const struct exchange own_reset = {.name = "own RSET",
    .note = note_reset};
static const struct exchange own_cancel = {.name = "own *",
    .note = note_cancel,
    .is_last = true};

void
session_ask(struct session *s, const struct exchange *exchange,
    const struct smtp_command *c, bool alone)
{
	upstream_ask(&s->upstream, exchange, c, alone);
}

void
session_answer(struct session *s, enum answer answer)
{
	if (upstream_owes_reply(&s->upstream))
		upstream_queue_answer(&s->upstream, answer);
	else if (client_has_waited(&s->client)) {
		client_say(&s->client, answer);
		client_was_answered(&s->client);
	}
}

void
session_refuse_message(struct session *s, enum answer answer)
{
	client_conclude(&s->client, answer);
	session_reset_upstream(s);
}

void
session_cancel_auth(struct session *s)
{
	client_expect_auth(&s->client, false);
	if (s->upstream.lost == UPSTREAM_THERE)
		upstream_ask_own(&s->upstream, &own_cancel, "*");
}

void
session_reset_upstream(struct session *s)
{
	if (s->upstream.lost == UPSTREAM_THERE)
		upstream_ask_own(&s->upstream, &own_reset, "RSET");
}

struct addr
session_true_client(const struct session *s)
{
	const struct strbuf *remote = &s->envelope.remote;

	/* Part of an address is another one's. */
	if (remote->failed)
		return (struct addr){0};
	return origin_true_client(
	    &s->client.origin, &s->set->proxies, strbuf_str(remote));
}

enum answer
session_word_of_wait(enum io io)
{
	if (io == IO_CANCELLED)
		return ANSWER_STOPPING;
	return io == IO_TIMEOUT ? ANSWER_TIMED_OUT : ANSWER_NONE;
}

bool
session_is_over(const struct session *s)
{
	return s->client.end != CLIENT_STAYS ||
	    s->upstream.lost != UPSTREAM_THERE;
}
