/*
 * One turn of the dialogue.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/turn.h"

#include <stdlib.h>

#include "common/conn_line.h"
#include "src/session/client_out.h"
#include "src/session/hello.h"
#include "src/session/introduction.h"
#include "src/session/transaction.h"
#include "src/session/upstream_in.h"
#include "src/session/verbs.h"

/* The server ends the session, whatever that answers: so does the client's. */
static void
take_goodbye(struct session *s, const struct upstream_line *l)
{
	if (!client_is_in_step(&s->client))
		return;
	if (!hello_gives_way(s, l))
		client_relay(&s->client, l->data, l->len);
	if (l->reply.last)
		upstream_leave(&s->upstream, UPSTREAM_LEFT);
}

/* The last line of the reply to done, which is no longer pending. */
static void
note_reply(
    struct session *s, const struct upstream_line *last, struct pending done)
{
	struct upstream_line l = *last;

	l.about = &done;
	watch_restart(&s->watch);
	if (done.exchange->note != NULL)
		done.exchange->note(s, &l);
	free(done.text);
}

static void
take_line(struct session *s, const struct upstream_line *l)
{
	const struct exchange *x = l->about->exchange;

	if (l->reply.code == 421) {
		take_goodbye(s, l);
		return;
	}
	if (x->show != NULL) {
		if (!client_is_in_step(&s->client))
			return;
		x->show(s, l);
	}
	if (!l->reply.last)
		return;
	if (x->show != NULL)
		client_was_answered(&s->client);
	note_reply(s, l, upstream_take(&s->upstream));
}

/* An answer of our own is next. */
static void
take_answer(struct session *s)
{
	enum answer answer = upstream_take(&s->upstream).answer;

	if (!client_is_in_step(&s->client))
		return;
	client_say(&s->client, answer);
	client_was_answered(&s->client);
}

static void
take_unasked(struct session *s, const struct upstream_line *l)
{
	/* Whatever it says, it asks for nothing more. */
	client_expect_auth(&s->client, false);
	client_relay(&s->client, l->data, l->len);
	if (l->reply.last && l->reply.code == 421)
		upstream_leave(&s->upstream, UPSTREAM_LEFT);
}

/*
 * The wait that saw the replies has looked at the client as well, and what it
 * had said was read: so who is in step now has waited.
 */
enum turn
turn_take_replies(struct session *s)
{
	struct upstream_line l;
	enum turn turn = TURN_NOTHING;

	while (!session_is_over(s)) {
		switch (upstream_next(&s->upstream, &l)) {
		case UPSTREAM_NOTHING:
			return turn;
		case UPSTREAM_ANSWER:
			take_answer(s);
			break;
		case UPSTREAM_LINE:
			take_line(s, &l);
			break;
		case UPSTREAM_UNASKED:
			take_unasked(s, &l);
			break;
		}
		turn = TURN_SOME;
	}
	return turn;
}

void
turn_read_upstream(struct session *s)
{
	if (upstream_read(&s->upstream) == IO_OK)
		return;
	(void)turn_take_replies(s); /* its last words */
	upstream_gone(&s->upstream);
}

/* Must the command that comes next wait for replies that are due? */
static bool
must_wait(const struct session *s)
{
	size_t len;
	const char *next = conn_peek(&s->client.conn, &len);
	struct smtp_command c;

	if (!upstream_owes_reply(&s->upstream))
		return false;
	if (len == 0)
		return true;
	/* Only these may share a group with what is still unanswered; DATA in
	 * particular waits for the recipients' replies (RFC 2920 3.1). */
	c = smtp_command_parse(next, len);
	return upstream_must_wait(
	    &s->upstream, verbs_find(c.verb, c.verb_len)->place != VERB_ALONE);
}

static enum turn
handle(struct session *s, const struct verb *v, const struct smtp_command *c)
{
	enum answer answer;

	if (v->ask != NULL) {
		v->ask(s, v, c);
		return TURN_SOME;
	}
	answer = transaction_allows_data(s);
	if (answer == ANSWER_GO)
		return client_has_kept_step(&s->client) ? TURN_DATA : TURN_SOME;
	session_answer(s, answer);
	return TURN_SOME;
}

/* What is to be answered to a line that is no command; or ANSWER_NONE. */
static enum answer
find_fault(const struct line *line, const struct verb *v, bool auth)
{
	if (line->cut || (line->len > SMTP_LINE_MAX && v != verbs_auth()))
		return ANSWER_TOO_LONG;
	if (smtp_command_has_stray(line->data, line->len))
		return ANSWER_STRAY;
	/* An answer to the server has no verb; a chunk must be skipped. */
	if (!auth && v->behind != SMTP_BEHIND_CHUNK &&
	    smtp_command_is_malformed(line->data, line->len))
		return ANSWER_MALFORMED;
	return ANSWER_NONE;
}

/* Is it a line behind which, or in which, the client keeps step? */
static bool
keeps_step(
    struct session *s, const struct verb *v, const struct smtp_command *c)
{
	client_begin_wait(
	    &s->client, smtp_command_behind(v->behind, s->upstream.pipelines));
	if (client_is_in_step(&s->client) && verbs_is_other(v) &&
	    smtp_command_is_http(c))
		client_lose_step(&s->client, "it speaks HTTP");
	return s->client.end == CLIENT_STAYS;
}

static enum turn
handle_line(struct session *s, const struct line *line)
{
	const struct smtp_command c = smtp_command_parse(line->data, line->len);
	const bool auth = s->client.auth;
	/* Behind a 334 it is no command, but what was asked for. */
	const struct verb *v =
	    auth ? verbs_auth() : verbs_find(c.verb, c.verb_len);
	enum answer fault;

	watch_restart(&s->watch);
	if (!keeps_step(s, v, &c))
		return TURN_SOME;
	fault = find_fault(line, v, auth);
	if (fault != ANSWER_NONE) {
		session_answer(s, fault);
		if (auth)
			session_cancel_auth(s);
		return TURN_SOME;
	}
	client_expect_auth(&s->client, false);
	return handle(s, v, &c);
}

/* Throw away what follows a BDAT command.  Is there more to come? */
static bool
skip_chunk(struct session *s)
{
	if (s->client.skip > 0)
		watch_extend(&s->watch, client_skip(&s->client));
	return s->client.skip > 0;
}

enum turn
turn_take_commands(struct session *s)
{
	struct line line;
	enum turn turn = TURN_NOTHING;

	while (turn != TURN_DATA && !session_is_over(s) &&
	    client_is_in_step(&s->client) && !must_wait(s)) {
		if (skip_chunk(s))
			break;
		if (introduction_make(s))
			continue;
		if (!conn_line(&s->client.conn, &line))
			break;
		turn = handle_line(s, &line);
	}
	return turn;
}
