/*
 * What we ask the server for ourselves, and wait for.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/upstream_own.h"

#include <stdlib.h>
#include <string.h>

#include "common/conn_line.h"
#include "common/conn_out.h"
#include "common/log.h"
#include "src/session/upstream_in.h"

static void
tell(const struct upstream *u, const char *what, int ms)
{
	const bool named = u->name != NULL;

	log_error("%s %s %s for %d s", named ? "OutAddress" : "server",
	    named ? u->name : u->ip, what, ms / 1000);
}

void
upstream_tell_silence(const struct upstream *u, int silence_ms)
{
	size_t len;

	(void)conn_peek(&u->conn, &len);
	tell(u, len == 0 ? "answered nothing" : "did not end its answer",
	    silence_ms);
}

void
upstream_tell_stall(const struct upstream *u, int stall_ms)
{
	tell(u, "took nothing", stall_ms);
}

/* Take replies to commands of our own; whatever else comes is out of turn. */
static void
take_own(struct upstream *u)
{
	struct upstream_line l;

	for (;;) {
		enum upstream_heard heard = upstream_next(u, &l);

		if (heard == UPSTREAM_NOTHING)
			return;
		if (l.reply.last && l.reply.code == 421) {
			log_error("server ends the session: %.*s", (int)l.len,
			    l.data);
			upstream_leave(u, UPSTREAM_LEFT);
			return;
		}
		if (heard == UPSTREAM_UNASKED) {
			/* The client awaits one reply alone, which this is
			 * not. */
			log_error("server spoke out of turn: %.*s", (int)l.len,
			    l.data);
			upstream_lose(u, UPSTREAM_GIVEN_UP);
			return;
		}
		if (heard == UPSTREAM_ANSWER || l.reply.last)
			free(upstream_take(u).text);
	}
}

void
upstream_hear(struct upstream *u)
{
	enum io io = upstream_read(u);

	take_own(u);
	if (io != IO_OK)
		upstream_gone(u);
}

void
upstream_keep_alive(struct upstream *u)
{
	/* While one is unanswered another one would not help. */
	if (upstream_owes_reply(u))
		return;
	upstream_ask_own(u, &upstream_unheard, "NOOP");
	if (upstream_flush(u) != IO_OK)
		upstream_lose(u, UPSTREAM_CLOSED);
}

static enum io
fill(struct upstream *u, struct deadline d)
{
	const int wait_ms = deadline_left_ms(d);
	enum io io = conn_fill(&u->conn, d);

	switch (io) {
	case IO_OK:
	case IO_CANCELLED:
		break;
	case IO_EOF:
		log_error("server disconnected unexpectedly");
		break;
	case IO_TIMEOUT:
		log_warn("SERVER: network read operation timed out");
		upstream_tell_silence(u, wait_ms);
		break;
	case IO_ERROR:
		log_error("SERVER: couldn't read data from socket: %m");
		break;
	}
	return io;
}

enum io
upstream_await_pending(struct upstream *u, struct deadline d)
{
	enum io io = IO_OK;

	for (;;) {
		take_own(u);
		if (u->lost != UPSTREAM_THERE)
			return IO_ERROR;
		if (!upstream_owes_reply(u) || io != IO_OK)
			return io;
		io = fill(u, d);
	}
}

/* Take one more line into the reply.  Does it go with those before? */
static bool
add_line(struct upstream_reply *r, const struct line *line, bool first)
{
	const struct smtp_reply_line l =
	    smtp_reply_parse(line->data, line->len);

	strbuf_add(&r->text, line->data, line->len);
	strbuf_add(&r->text, "\r\n", 2);
	/* Its lines must agree (RFC 5321 4.2.1), at least in what counts: a
	 * client may go by the first, we by the last. */
	if (!first && l.code / 100 != r->code / 100)
		return false;
	r->code = l.code;
	r->whole = l.last;
	return true;
}

enum io
upstream_await_reply(
    struct upstream *u, struct upstream_reply *r, struct deadline d)
{
	struct line line;
	enum io io = IO_OK;

	*r = (struct upstream_reply){0};
	for (unsigned n = 0; n < REPLY_LINES_MAX; n++) {
		while (io == IO_OK && !upstream_take_line(u, &line))
			io = u->lost == UPSTREAM_THERE ? fill(u, d) : IO_ERROR;
		if (io != IO_OK)
			return io;
		if (!add_line(r, &line, n == 0))
			break;
		if (r->whole)
			return IO_OK;
	}
	log_error("server sends what is no reply");
	return IO_ERROR;
}

/* Take the replies that are due, if they come soon.  Is it still there? */
static bool
hear_last_words(struct upstream *u)
{
	const struct deadline d = deadline_in(u->conn.timeout_ms);
	enum io io = conn_read(&u->conn);

	for (;;) {
		take_own(u);
		if (io != IO_OK || !upstream_owes_reply(u))
			return io == IO_OK || io == IO_TIMEOUT;
		io = conn_fill(&u->conn, d);
	}
}

/* May it be told QUIT? */
static bool
can_quit(struct upstream *u)
{
	const struct pending *p;

	if (!upstream_drop_unsent(u) && !hear_last_words(u))
		return false;
	p = pending_head(&u->pending);
	return conn_is_open(&u->conn) && !u->parting &&
	    (p == NULL || p->exchange == NULL || !p->exchange->is_last);
}

void
upstream_close(struct upstream *u)
{
	conn_hurry(&u->conn, UPSTREAM_PARTING_MS);
	if (conn_is_open(&u->conn) && !u->parting && can_quit(u)) {
		conn_put_line(&u->conn, "QUIT", 4);
		(void)conn_flush(&u->conn);
	}
	conn_close(&u->conn);
	pending_clear(&u->pending);
}
