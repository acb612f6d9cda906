/*
 * The mail server: commands go out, replies come in.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/conn_out.h"
#include "common/log.h"

const struct exchange upstream_unheard = {.name = "unheard"};

int
upstream_connect(struct upstream *u, const struct target *target,
    struct waiter *waiter, int connect_ms, int timeout_ms,
    const struct exchange *greeting)
{
	const struct addr *addr = &target->addr;
	int fd = sock_connect(addr, waiter, deadline_in(connect_ms));

	*u = (struct upstream){
	    .addr = *addr, .name = target->name, .barrier = true};
	addr_host(addr, u->ip);
	if (fd < 0)
		return -1;
	log_debug("SERVER connected to: %s", u->ip);
	conn_open(&u->conn, "SERVER", fd, waiter, timeout_ms);
	conn_set_line_max(&u->conn, SMTP_AUTH_LINE_MAX + 2);
	if (pending_push(&u->pending, greeting, "", 0) < 0)
		upstream_lose(u, UPSTREAM_UNTOLD);
	return 0;
}

void
upstream_tell_silence(const struct upstream *u, int silence_ms)
{
	const bool named = u->name != NULL;
	size_t len;

	(void)conn_peek(&u->conn, &len);
	log_error("%s %s %s for %d s", named ? "OutAddress" : "server",
	    named ? u->name : u->ip,
	    len == 0 ? "answered nothing" : "did not end its answer",
	    silence_ms / 1000);
}

static void
lose_count(struct upstream *u)
{
	log_error("out of memory");
	upstream_lose(u, UPSTREAM_UNTOLD);
}

void
upstream_ask(struct upstream *u, const struct exchange *exchange,
    const struct smtp_command *c, bool alone)
{
	conn_put_line(&u->conn, c->line, c->len);
	u->barrier = alone;
	u->unasked = 0;
	if (pending_push(&u->pending, exchange, c->arg, c->arg_len) < 0)
		lose_count(u);
}

void
upstream_ask_own(
    struct upstream *u, const struct exchange *exchange, const char *line)
{
	const struct smtp_command c = {
	    .line = line, .len = strlen(line), .arg = ""};

	if (u->pipelines || !upstream_owes_reply(u)) {
		upstream_ask(u, exchange, &c, true);
		return;
	}
	u->held = exchange;
	u->held_line = line;
	u->barrier = true;
}

void
upstream_queue_answer(struct upstream *u, enum answer answer)
{
	if (pending_push_answer(&u->pending, answer) < 0)
		lose_count(u);
}

bool
upstream_owes_reply(const struct upstream *u)
{
	return u->held != NULL || !pending_is_empty(&u->pending);
}

bool
upstream_must_wait(const struct upstream *u, bool may_share)
{
	return upstream_owes_reply(u) &&
	    (u->barrier || pending_is_full(&u->pending) || !may_share);
}

static void
lose_sense(struct upstream *u)
{
	log_error("server sends what is no reply");
	upstream_lose(u, UPSTREAM_NONSENSE);
}

/* Only a challenge may be as long as the connection lets a line be. */
static void
cut(struct line *l)
{
	const int code = smtp_reply_parse(l->data, l->len).code;

	if (code != 334 && l->len > SMTP_LINE_MAX) {
		l->len = SMTP_LINE_MAX;
		l->cut = true;
	}
	if (l->cut)
		log_warn("SMTP response line too long. discarded extra");
}

static bool
is_endless(const struct upstream *u)
{
	return conn_skipped(&u->conn) > REPLY_LINE_EXCESS_MAX;
}

/* A line that no command asked for; is it to be taken? */
static bool
count_unasked(struct upstream *u, const struct smtp_reply_line *r)
{
	u->bade = u->bade || r->code == 421;
	return ++u->unasked <= UNASKED_LINES_MAX && r->code != 354;
}

/* A line of the reply to p; is it to be taken? */
static bool
count_line(
    struct upstream *u, struct pending *p, const struct smtp_reply_line *r)
{
	u->bade = u->bade || r->code == 421 ||
	    (r->code == 221 && p->exchange->show != NULL);
	/* 354 to anything but our own DATA would open a way past the scan. */
	return ++p->lines <= REPLY_LINES_MAX && r->code != 354;
}

enum upstream_heard
upstream_next(struct upstream *u, struct upstream_line *l)
{
	struct pending *p = pending_head(&u->pending);
	struct line line;
	bool good;

	*l = (struct upstream_line){.about = p};
	if (p != NULL && p->exchange == NULL)
		return UPSTREAM_ANSWER;
	if (u->lost != UPSTREAM_THERE)
		return UPSTREAM_NOTHING;
	if (!conn_line(&u->conn, &line)) {
		if (is_endless(u))
			lose_sense(u);
		return UPSTREAM_NOTHING;
	}
	cut(&line);
	l->data = line.data;
	l->len = line.len;
	l->cut = line.cut;
	l->reply = smtp_reply_parse(line.data, line.len);
	good = p == NULL ? count_unasked(u, &l->reply)
			 : count_line(u, p, &l->reply);
	if (!good) {
		lose_sense(u);
		return UPSTREAM_NOTHING;
	}
	l->number = p == NULL ? 1 : p->lines;
	return p == NULL ? UPSTREAM_UNASKED : UPSTREAM_LINE;
}

struct pending
upstream_take(struct upstream *u)
{
	const struct pending taken = pending_take(&u->pending);
	const struct exchange *held = u->held;

	if (held != NULL && pending_is_empty(&u->pending)) {
		u->held = NULL;
		upstream_ask_own(u, held, u->held_line);
	}
	return taken;
}

enum io
upstream_read(struct upstream *u)
{
	enum io io = conn_read(&u->conn);

	if (io != IO_ERROR || errno != ENOMEM)
		return io;
	log_error("out of memory");
	upstream_lose(u, UPSTREAM_NO_MEMORY);
	return io;
}

void
upstream_gone(struct upstream *u)
{
	if (u->lost != UPSTREAM_THERE)
		return;
	if (u->bade && pending_is_empty(&u->pending)) {
		upstream_lose(u, UPSTREAM_LEFT);
		return;
	}
	log_error("server disconnected unexpectedly");
	upstream_lose(u, UPSTREAM_CLOSED);
}

enum io
upstream_flush(struct upstream *u)
{
	enum io io = conn_flush(&u->conn);

	if (io == IO_ERROR && errno == ENOMEM)
		upstream_lose(u, UPSTREAM_NO_MEMORY);
	return io;
}

void
upstream_forget_offers(struct upstream *u)
{
	u->pipelines = false;
	u->size_max = 0;
}

void
upstream_offers(struct upstream *u, enum esmtp_keyword keyword,
    const struct smtp_reply_line *line)
{
	u->pipelines = u->pipelines || keyword == ESMTP_PIPELINING;
	if (keyword == ESMTP_SIZE)
		u->size_max = esmtp_size(line->text, line->text_len);
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
		while (io == IO_OK && !is_endless(u) &&
		    !conn_line(&u->conn, &line))
			io = fill(u, d);
		if (io != IO_OK)
			return io;
		if (is_endless(u))
			break;
		cut(&line);
		if (!add_line(r, &line, n == 0))
			break;
		if (r->whole) {
			u->bade = u->bade || r->code == 421;
			return IO_OK;
		}
	}
	log_error("server sends what is no reply");
	return IO_ERROR;
}

void
upstream_leave(struct upstream *u, enum upstream_loss why)
{
	if (u->lost == UPSTREAM_THERE)
		u->lost = why;
	u->held = NULL;
	pending_clear(&u->pending);
}

void
upstream_lose(struct upstream *u, enum upstream_loss why)
{
	upstream_leave(u, why);
	conn_abort(&u->conn);
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

	u->held = NULL;
	if (!conn_drop(&u->conn) && !hear_last_words(u))
		return false;
	p = pending_head(&u->pending);
	return conn_is_open(&u->conn) && !u->bade &&
	    (p == NULL || p->exchange == NULL || !p->exchange->is_last);
}

void
upstream_close(struct upstream *u)
{
	if (u->conn.timeout_ms > UPSTREAM_PARTING_MS)
		u->conn.timeout_ms = UPSTREAM_PARTING_MS;
	if (conn_is_open(&u->conn) && !u->bade && can_quit(u)) {
		conn_put_line(&u->conn, "QUIT", 4);
		(void)conn_flush(&u->conn);
	}
	conn_close(&u->conn);
	pending_clear(&u->pending);
}
