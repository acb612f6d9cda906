/*
 * A buffered connection.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/conn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

#define CONN_SECRET "[...]" /* in place of what must not be logged */

void
conn_open(struct conn *c, const char *role, int fd, struct waiter *waiter,
    int timeout_ms)
{
	*c = (struct conn){.role = role,
	    .fd = fd,
	    .waiter = waiter,
	    .timeout_ms = timeout_ms,
	    .own.in_cap = CONN_INPUT_SIZE,
	    .own.line_max = CONN_LINE_MAX};
}

void
conn_conceal(struct conn *c, conn_shown *shown, void *secrets)
{
	c->own.shown = shown;
	c->own.secrets = secrets;
}

bool
conn_is_open(const struct conn *c)
{
	return c->role != NULL && c->fd >= 0;
}

void
conn_close(struct conn *c)
{
	if (!conn_is_open(c))
		return;
	(void)close(c->fd);
	log_debug("%s connection closed", c->role);
	pool_put(c->own.in);
	strbuf_free(&c->own.out);
	*c = (struct conn){.role = c->role, .fd = -1};
}

void
conn_abort(struct conn *c)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	if (conn_is_open(c))
		(void)setsockopt(
		    c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	conn_close(c);
}

const char *
conn_peek(const struct conn *c, size_t *len)
{
	*len = c->own.in_end - c->own.in_start;
	return c->own.in == NULL ? "" : c->own.in + c->own.in_start;
}

void
conn_consume(struct conn *c, size_t n)
{
	c->own.in_start += n;
	c->own.in_seen = c->own.in_seen > n ? c->own.in_seen - n : 0;
	if (c->own.in_start == c->own.in_end)
		c->own.in_start = c->own.in_end = 0;
}

bool
conn_has_room(const struct conn *c)
{
	return c->own.in_end - c->own.in_start < c->own.in_cap;
}

bool
conn_was_full(const struct conn *c)
{
	return c->own.full;
}

void
conn_set_input_size(struct conn *c, size_t size)
{
	c->own.in_cap = size;
}

/* Room behind the unread octets: borrows it, or moves them to the front. */
static int
make_room(struct conn *c)
{
	if (c->own.in == NULL) {
		c->own.in = pool_get();
		return c->own.in == NULL ? -1 : 0;
	}
	if (c->own.in_end >= c->own.in_cap && c->own.in_start > 0) {
		memmove(c->own.in, c->own.in + c->own.in_start,
		    c->own.in_end - c->own.in_start);
		c->own.in_end -= c->own.in_start;
		c->own.in_start = 0;
	}
	return 0;
}

static enum io
read_some(struct conn *c, bool *nothing)
{
	ssize_t n;

	*nothing = false;
	if (make_room(c) < 0)
		return IO_ERROR;
	if (c->own.in_end >= c->own.in_cap)
		return IO_OK;
	do
		n = recv(c->fd, c->own.in + c->own.in_end,
		    c->own.in_cap - c->own.in_end, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->own.in_end += (size_t)n;
		c->own.full = c->own.in_end == c->own.in_cap;
		return IO_OK;
	}
	if (n == 0) {
		log_debug("%s: connection disconnected by peer", c->role);
		return IO_EOF;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		*nothing = true;
		return IO_OK;
	}
	return IO_ERROR;
}

enum io
conn_read(struct conn *c)
{
	bool nothing;

	return read_some(c, &nothing);
}

enum io
conn_fill_bulk(struct conn *c, struct deadline d)
{
	bool nothing;
	enum io io = read_some(c, &nothing);

	return io == IO_OK && nothing ? conn_fill(c, d) : io;
}

enum io
conn_fill(struct conn *c, struct deadline d)
{
	bool nothing;
	enum io io;

	do {
		io = waiter_wait(c->waiter, c->fd, POLLIN, d);
		if (io != IO_OK)
			return io;
		io = read_some(c, &nothing);
	} while (io == IO_OK && nothing);
	return io;
}

void
conn_rest(struct conn *c)
{
	if (c->own.in_start == c->own.in_end) {
		pool_put(c->own.in);
		c->own.in = NULL;
		c->own.in_start = c->own.in_end = 0;
	}
	if (c->own.out.len == 0)
		strbuf_free(&c->own.out);
}

void
conn_log(const struct conn *c, char way, const char *line, size_t len)
{
	size_t shown;

	if (!log_wants(LOG_DEBUG))
		return;
	shown = c->own.shown == NULL
	    ? len
	    : c->own.shown(c->own.secrets, way, line, len);
	log_debug("%s %c %.*s%s", c->role, way,
	    (int)(shown < CONN_LOG_MAX ? shown : CONN_LOG_MAX), line,
	    shown < len ? CONN_SECRET : "");
}
