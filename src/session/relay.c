/*
 * One connection of a client: its beginning, its loop, and alone its end.
 *
 * The loop waits for both parties at once, so a server that says 421 and goes
 * while the client is idle is seen.  What both have said in one turn leaves in
 * one piece when the loop is about to wait.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "src/mail/counters.h"
#include "src/session/arrival.h"
#include "src/session/client_out.h"
#include "src/session/health.h"
#include "src/session/hello.h"
#include "src/session/message.h"
#include "src/session/session.h"
#include "src/session/target.h"
#include "src/session/transaction.h"
#include "src/session/turn.h"
#include "src/session/upstream_in.h"
#include "src/session/upstream_own.h"

#define FIRST_ID 0x100000 /* as 1.10 */

/* Of several, the loss of one is no error. */
static void
tell_unreached(const struct session *s)
{
	const struct target *t = &s->target;
	const char *ip = s->upstream.ip;
	int priority = LOG_ERR;

	if (target_has_more(t, s->set))
		priority = t->left > 0 ? LOG_DEBUG : LOG_WARNING;
	if (t->is_choice)
		log_write(priority, "SERVER: couldn't connect to: %s (%s): %m",
		    t->name, ip);
	else
		log_write(priority, "SERVER: couldn't connect to: %s: %m",
		    t->name == NULL ? ip : t->name);
}

/*
 * Connect to the next server that takes a connection.  Returns the last word to
 * the client when there is none.
 */
static enum answer
open_upstream(struct session *s)
{
	const struct settings *set = s->set;
	const struct addr *peer = &s->client.origin.peer;
	struct target *t = &s->target;

	while (target_next(t, set, s->client.conn.fd, peer) == 0) {
		if (upstream_connect(&s->upstream, t, &s->watch.waiter,
			target_connect_ms(t, set), s->watch.timeout_ms,
			&hello_greeting) == 0) {
			target_join(&s->link, s->upstream.conn.fd);
			conn_conceal(&s->upstream.conn,
			    secrets_shown_of_upstream, &s->secrets);
			return ANSWER_NONE;
		}
		if (errno == ECANCELED)
			return ANSWER_STOPPING;
		tell_unreached(s);
	}
	return ANSWER_NO_UPSTREAM;
}

/* Find the server, and let health checks know whether it is there. */
static enum answer
reach_upstream(struct session *s)
{
	enum answer last_word = open_upstream(s);

	if (last_word != ANSWER_STOPPING)
		health_note_upstream(last_word == ANSWER_NONE);
	return last_word;
}

static void
close_upstream(struct session *s)
{
	target_leave(&s->link);
	upstream_close(&s->upstream);
}

/* For a health check, at whose end it is closed. */
static void
try_upstream(struct session *s)
{
	close_upstream(s);
	target_restart(&s->target);
	(void)reach_upstream(s);
}

/* The last word to a client whose server is lost. */
static enum answer
last_word_of_loss(enum upstream_loss why)
{
	switch (why) {
	case UPSTREAM_CLOSED:
		return ANSWER_UPSTREAM_CLOSED;
	case UPSTREAM_NONSENSE:
		return ANSWER_NONSENSE;
	case UPSTREAM_UNTOLD:
		return ANSWER_LOCAL_ERROR;
	case UPSTREAM_NO_MEMORY:
		return ANSWER_NO_MEMORY;
	case UPSTREAM_THERE:
	case UPSTREAM_LEFT:
	case UPSTREAM_GIVEN_UP:
		break;
	}
	return ANSWER_NONE;
}

/* The last word to a client when both parties have ended it. */
static enum answer
last_word_of_parties(const struct session *s)
{
	switch (s->client.end) {
	case CLIENT_BAD_CHUNK:
		return ANSWER_NO_SIZE;
	case CLIENT_OUT_OF_STEP:
		return ANSWER_OUT_OF_STEP;
	case CLIENT_GAVE_UP:
		return ANSWER_LOCAL_ERROR;
	case CLIENT_STAYS:
		return last_word_of_loss(s->upstream.lost);
	case CLIENT_QUIT:
	case CLIENT_LOST:
	case CLIENT_NO_MEMORY:
		break;
	}
	return ANSWER_NONE;
}

/* Send what both are to hear.  IO_OK, or how a wait for that has ended. */
static enum io
flush(struct session *s)
{
	enum io io;

	client_flush(&s->client);
	if (session_is_over(s))
		return IO_OK;
	io = upstream_flush(&s->upstream);
	if (io != IO_ERROR)
		return io;
	turn_read_upstream(s);
	upstream_gone(&s->upstream);
	return IO_OK;
}

/* Say who it was that was waited for. */
static void
tell_silence(const struct session *s)
{
	const int ms = s->watch.timeout_ms;

	log_error("network operation timed out");
	if (upstream_owes_reply(&s->upstream))
		upstream_tell_silence(&s->upstream, ms);
	else
		log_error("client %s sent no command for %d s",
		    client_name(&s->client), ms / 1000);
}

/* Wait for either party, and read what has come.  As flush. */
static enum io
wait_for_parties(struct session *s)
{
	bool hear = !s->client.eof && conn_has_room(&s->client.conn);
	struct watch_seen seen;
	enum io io = watch_parties(&s->watch, hear, &seen);

	if (io == IO_TIMEOUT)
		tell_silence(s);
	if (io != IO_OK)
		return io == IO_ERROR ? IO_OK : io;
	if (seen.upstream)
		turn_read_upstream(s);
	if (session_is_over(s) || !seen.client)
		return IO_OK;
	if (hear)
		client_read(&s->client);
	else /* reset while we had enough to do */
		client_leave(&s->client, CLIENT_LOST);
	return IO_OK;
}

/* Both have been heard: send, and wait for more.  As flush. */
static enum io
end_turn(struct session *s)
{
	enum io io = flush(s);

	if (io != IO_OK || session_is_over(s))
		return io;
	/* An unfinished line at the end of input is no command. */
	if (s->client.eof && !upstream_owes_reply(&s->upstream)) {
		client_leave(&s->client, CLIENT_LOST);
		return IO_OK;
	}
	return wait_for_parties(s);
}

/* Returns the last word to the client. */
static enum answer
converse(struct session *s)
{
	while (!session_is_over(s)) {
		/* Replies first: a command may depend on them. */
		enum turn heard = turn_take_replies(s);
		enum turn asked = turn_take_commands(s);
		struct message_end end = {0};
		enum io io = IO_OK;

		if (asked == TURN_DATA) {
			end = message_run(s);
			if (end.over)
				return end.last_word;
		} else if (heard == TURN_NOTHING && asked == TURN_NOTHING)
			io = end_turn(s);
		if (io != IO_OK)
			return session_word_of_wait(io);
	}
	return last_word_of_parties(s);
}

/* Has the server gone before the client has heard of one, and is there another? */
static bool
may_try_another(const struct session *s)
{
	switch (s->upstream.lost) {
	case UPSTREAM_CLOSED:
	case UPSTREAM_LEFT:
	case UPSTREAM_GIVEN_UP:
		return s->client.end == CLIENT_STAYS && !s->hello.greeted &&
		    target_has_more(&s->target, s->set);
	case UPSTREAM_THERE:
	case UPSTREAM_NONSENSE:
	case UPSTREAM_UNTOLD:
	case UPSTREAM_NO_MEMORY:
		break;
	}
	return false;
}

static void
close_session(struct session *s, enum answer last_word)
{
	/* The last words must not wait for a stop that has been asked for. */
	watch_enter(&s->watch, WATCH_FINAL);
	client_close(&s->client, last_word);
	if (s->client.auth) {
		session_cancel_auth(s);
		(void)upstream_flush(&s->upstream);
	}
	close_upstream(s);
	transaction_end(s);
	hello_close(&s->hello);
}

/* With one server after the other.  Returns the last word to the client. */
static enum answer
serve_client(struct session *s)
{
	enum answer last_word;

	for (;;) {
		last_word = reach_upstream(s);
		if (last_word == ANSWER_NO_UPSTREAM)
			counters_add_refusal(COUNTERS_NO_UPSTREAM);
		if (last_word != ANSWER_NONE)
			return last_word;
		watch_restart(&s->watch);
		last_word = converse(s);
		if (!may_try_another(s))
			return last_word;
		close_upstream(s);
	}
}

static enum answer
serve_arrival(struct session *s)
{
	switch (arrival_await(s)) {
	case ARRIVAL_CLIENT:
		return serve_client(s);
	case ARRIVAL_CHECK:
		return health_run(s, try_upstream);
	case ARRIVAL_STOPPED:
		return ANSWER_STOPPING;
	case ARRIVAL_UNKNOWN:
		counters_add_refusal(COUNTERS_PROXY);
		break;
	}
	return ANSWER_NONE;
}

void
relay_run(struct workers_client *client, const struct settings *set)
{
	struct session s = {.set = set};
	const int timeout_ms = set->timeout_ms;

	snprintf(s.id, sizeof s.id, "%06X", FIRST_ID + client->number);
	log_set_id(s.id);
	watch_open(&s.watch, &s.client, &s.upstream, client->stop_fd,
	    timeout_ms, s.set->keep_alives_ms);
	client_open(
	    &s.client, client->fd, &client->peer, &s.watch.waiter, timeout_ms);
	conn_conceal(&s.client.conn, secrets_shown_of_client, &s.secrets);
	close_session(&s, serve_arrival(&s));
	if (s.client.end == CLIENT_OUT_OF_STEP)
		counters_add_refusal(COUNTERS_OUT_OF_STEP);
	log_set_id(NULL);
}
