/*
 * What the server says.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/upstream_in.h"

#include <errno.h>

#include "common/conn_line.h"
#include "common/log.h"

static void
lose_sense(struct upstream *u)
{
	log_error("server sends what is no reply");
	upstream_lose(u, UPSTREAM_NONSENSE);
}

/* Only a challenge may be as long as the connection lets a line be. */
static void
cut(struct line *l, int code)
{
	if (code != 334 && l->len > SMTP_LINE_MAX) {
		l->len = SMTP_LINE_MAX;
		l->cut = true;
	}
	if (l->cut)
		log_rarely(LOG_WARNING,
		    "SMTP response line too long. discarded extra");
}

bool
upstream_take_line(struct upstream *u, struct line *line)
{
	if (conn_line(&u->conn, line)) {
		int code = smtp_reply_parse(line->data, line->len).code;

		u->parting = u->parting || code == 421;
		cut(line, code);
		return true;
	}
	if (conn_skipped(&u->conn) > REPLY_LINE_EXCESS_MAX)
		lose_sense(u);
	return false;
}

/* A line that no command asked for; is it to be taken? */
static bool
count_unprompted(struct upstream *u, const struct smtp_reply_line *r)
{
	return ++u->unasked_lines <= UNASKED_LINES_MAX && r->code != 354;
}

/* A line of the reply to p; is it to be taken? */
static bool
count_line(
    struct upstream *u, struct pending *p, const struct smtp_reply_line *r)
{
	u->unasked_lines = 0;
	u->parting =
	    u->parting || (r->code == 221 && p->exchange->show != NULL);
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
	if (!upstream_take_line(u, &line))
		return UPSTREAM_NOTHING;
	l->data = line.data;
	l->len = line.len;
	l->cut = line.cut;
	l->reply = smtp_reply_parse(line.data, line.len);
	good = p == NULL ? count_unprompted(u, &l->reply)
			 : count_line(u, p, &l->reply);
	if (!good) {
		lose_sense(u);
		return UPSTREAM_NOTHING;
	}
	l->number = p == NULL ? 1 : p->lines;
	return p == NULL ? UPSTREAM_UNASKED : UPSTREAM_LINE;
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
	if (u->parting && pending_is_empty(&u->pending)) {
		upstream_lose(u, UPSTREAM_LEFT);
		return;
	}
	log_error("server disconnected unexpectedly");
	upstream_lose(u, UPSTREAM_CLOSED);
}
