/*
 * A buffered connection.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/conn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>
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
	    .in_cap = CONN_INPUT_SIZE};
}

void
conn_conceal(struct conn *c, conn_shown *shown, void *secrets)
{
	c->shown = shown;
	c->secrets = secrets;
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
	pool_put(c->in);
	strbuf_free(&c->out);
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
	*len = c->in_end - c->in_start;
	return c->in == NULL ? "" : c->in + c->in_start;
}

void
conn_consume(struct conn *c, size_t n)
{
	c->in_start += n;
	c->in_seen = c->in_seen > n ? c->in_seen - n : 0;
	if (c->in_start == c->in_end)
		c->in_start = c->in_end = 0;
}

bool
conn_has_room(const struct conn *c)
{
	return c->in_end - c->in_start < c->in_cap;
}

void
conn_set_input_size(struct conn *c, size_t size)
{
	c->in_cap = size;
}

bool
conn_has_input(const struct conn *c)
{
	char octet;

	return recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Room behind the unread octets: borrows it, or moves them to the front. */
static int
make_room(struct conn *c)
{
	if (c->in == NULL) {
		c->in = pool_get();
		return c->in == NULL ? -1 : 0;
	}
	if (c->in_end >= c->in_cap && c->in_start > 0) {
		memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
		c->in_end -= c->in_start;
		c->in_start = 0;
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
	if (c->in_end >= c->in_cap)
		return IO_OK;
	do
		n = recv(c->fd, c->in + c->in_end, c->in_cap - c->in_end, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->in_end += (size_t)n;
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
		io = sock_wait(c->waiter, c->fd, POLLIN, d);
		if (io != IO_OK)
			return io;
		io = read_some(c, &nothing);
	} while (io == IO_OK && nothing);
	return io;
}

/* Nothing of a line too long is kept behind its limit. */
static void
throw_excess_away(struct conn *c)
{
	size_t len = c->in_end - c->in_start;

	if (len > CONN_LINE_MAX) {
		c->skipped += len - CONN_LINE_MAX;
		c->in_end = c->in_start + CONN_LINE_MAX;
		len = CONN_LINE_MAX;
	}
	c->in_seen = len;
}

bool
conn_line(struct conn *c, struct line *line)
{
	size_t len, used;
	const char *in = conn_peek(c, &len), *lf;

	lf = memchr(in + c->in_seen, '\n', len - c->in_seen);
	if (lf == NULL) {
		throw_excess_away(c);
		return false;
	}
	used = (size_t)(lf - in) + 1;
	*line = (struct line){.data = in, .len = used - 1};
	if (used > CONN_LINE_MAX || c->skipped > 0) {
		line->len = CONN_LINE_MAX - 2;
		line->cut = true;
	} else if (line->len > 0 && in[line->len - 1] == '\r')
		line->len--;
	conn_consume(c, used);
	c->in_seen = c->skipped = 0;
	conn_log(c, '<', line->data, line->len);
	return true;
}

void
conn_rest(struct conn *c)
{
	if (c->in_start == c->in_end) {
		pool_put(c->in);
		c->in = NULL;
		c->in_start = c->in_end = 0;
	}
	if (c->out.len == 0)
		strbuf_free(&c->out);
}

void
conn_put(struct conn *c, const void *data, size_t len)
{
	if (!conn_is_open(c))
		return;
	strbuf_add(&c->out, data, len);
}

int
conn_reserve(struct conn *c, size_t n)
{
	return strbuf_reserve(&c->out, n);
}

bool
conn_has_failed(const struct conn *c)
{
	return c->out.failed;
}

size_t
conn_skipped(const struct conn *c)
{
	return c->skipped;
}

void
conn_put_line(struct conn *c, const char *line, size_t len)
{
	conn_log(c, '>', line, len);
	conn_put(c, line, len);
	conn_put(c, "\r\n", 2);
}

/* Take n sent octets off the front of the pieces. */
static void
advance(struct msghdr *msg, size_t n)
{
	while (msg->msg_iovlen > 0 && n >= msg->msg_iov->iov_len) {
		n -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen > 0) {
		msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + n;
		msg->msg_iov->iov_len -= n;
	}
}

static enum io
failed_write(const struct conn *c, enum io io)
{
	int saved = errno;

	if (io == IO_TIMEOUT)
		log_warn("%s: network write operation timed out", c->role);
	else if (io == IO_ERROR)
		log_error("%s: couldn't write data to socket: %m", c->role);
	errno = saved;
	return io;
}

static enum io
wait_for_room_or_answer(struct conn *c, struct deadline d)
{
	enum io io = sock_wait(c->waiter, c->fd, POLLIN | POLLOUT, d);

	if (io == IO_OK)
		io = conn_read(c);
	return io == IO_OK && c->in_end > c->in_start ? IO_EOF : io;
}

/*
 * After a write that would block: wait for room until *d.  After one that went
 * through: move *d on by the octets.
 */
static enum io
after_write(struct conn *c, ssize_t n, struct deadline *d)
{
	if (n >= 0) {
		deadline_extend(d, (size_t)n, CONN_RATE_MIN, c->timeout_ms);
		return IO_OK;
	}
	if (errno == EINTR)
		return IO_OK;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return IO_ERROR;
	if (!c->may_answer_early)
		return sock_wait(c->waiter, c->fd, POLLOUT, *d);
	return wait_for_room_or_answer(c, *d);
}

static enum io
send_all(struct conn *c, struct iovec *iov, unsigned short n, bool more)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
	int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	struct deadline d = {0};
	enum io io = IO_OK;
	ssize_t sent;

	advance(&msg, 0);
	while (msg.msg_iovlen > 0 && io == IO_OK) {
		sent = sendmsg(c->fd, &msg, flags);
		if (sent >= 0)
			advance(&msg, (size_t)sent);
		if (msg.msg_iovlen == 0)
			break;
		if (d.at_ms == 0)
			d = deadline_in(c->timeout_ms);
		io = after_write(c, sent, &d);
	}
	return io;
}

enum io
conn_send(struct conn *c, const struct iovec *iov, size_t n, bool more)
{
	struct iovec all[1 + CONN_PIECES_MAX];
	enum io io;

	if (c->out.failed || n > CONN_PIECES_MAX) {
		errno = ENOMEM;
		return failed_write(c, IO_ERROR);
	}
	all[0] = (struct iovec){c->out.data, c->out.len};
	for (size_t i = 0; i < n; i++)
		all[i + 1] = iov[i];
	/* msg_iovlen is an int in some libraries, a size_t in others. */
	io = send_all(c, all, (unsigned short)(n + 1), more);
	strbuf_clear(&c->out);
	return io == IO_OK ? io : failed_write(c, io);
}

enum io
conn_flush(struct conn *c)
{
	return conn_send(c, NULL, 0, false);
}

void
conn_end_output(struct conn *c)
{
	(void)shutdown(c->fd, SHUT_WR);
}

enum io
conn_sendfile(struct conn *c, int fd, off_t offset, off_t len)
{
	struct deadline d = deadline_in(c->timeout_ms);
	enum io io = conn_send(c, NULL, 0, true);
	ssize_t n;

	if (io != IO_OK)
		return io;
	while (len > 0 && io == IO_OK) {
		n = sendfile(c->fd, fd, &offset, (size_t)len);
		if (n == 0) {
			errno = EIO;
			return failed_write(c, IO_ERROR);
		}
		if (n > 0)
			len -= n;
		io = after_write(c, n, &d);
	}
	return io == IO_OK ? io : failed_write(c, io);
}

void
conn_log(const struct conn *c, char way, const char *line, size_t len)
{
	size_t shown;

	if (!log_wants(LOG_DEBUG))
		return;
	shown = c->shown == NULL ? len : c->shown(c->secrets, way, line, len);
	log_debug("%s %c %.*s%s", c->role, way,
	    (int)(shown < CONN_LOG_MAX ? shown : CONN_LOG_MAX), line,
	    shown < len ? CONN_SECRET : "");
}
