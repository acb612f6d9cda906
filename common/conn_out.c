/*
 * The output of a buffered connection.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/conn_out.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/portable.h"

void
conn_put(struct conn *c, const void *data, size_t len)
{
	if (!conn_is_open(c))
		return;
	assert(c->own.lent_count == 0);
	strbuf_add(&c->own.out, data, len);
}

void
conn_lend(struct conn *c, void *data, size_t len)
{
	if (!conn_is_open(c))
		return;
	assert(c->own.lent_count < CONN_LENT_MAX && !c->own.sending);
	c->own.lent[c->own.lent_count++] = (struct iovec){data, len};
}

void
conn_take_back(struct conn *c)
{
	c->own.lent_count = 0;
}

int
conn_reserve(struct conn *c, size_t n)
{
	return strbuf_reserve(&c->own.out, n);
}

bool
conn_drop(struct conn *c)
{
	const bool any = c->own.out.len > 0;

	strbuf_clear(&c->own.out);
	return any;
}

bool
conn_has_failed(const struct conn *c)
{
	return c->own.out.failed;
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
	enum io io = waiter_wait(c->waiter, c->fd, POLLIN | POLLOUT, d);

	if (io == IO_OK)
		io = conn_read(c);
	return io == IO_OK && c->own.in_end > c->own.in_start ? IO_EOF : io;
}

/*
 * Wait for room until *d, which what the peer takes meanwhile moves on: much of
 * a large buffer must be taken before the system speaks of room.
 */
static enum io
wait_for_room(struct conn *c, struct deadline *d)
{
	int before = sock_queued(c->fd), now;
	enum io io;

	for (;;) {
		io = c->own.may_answer_early
		    ? wait_for_room_or_answer(c, *d)
		    : waiter_wait(c->waiter, c->fd, POLLOUT, *d);
		/* Before its time it is the waiter's own end. */
		if (io != IO_TIMEOUT || deadline_left_ms(*d) > 0)
			return io;
		now = sock_queued(c->fd);
		if (now >= before)
			return IO_TIMEOUT;
		deadline_extend(
		    d, (size_t)(before - now), CONN_RATE_MIN, c->timeout_ms);
		before = now;
	}
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
	return wait_for_room(c, d);
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

/*
 * Send what was put and lent.  It is taken away meanwhile: what a waiter puts
 * must not move what is being sent.
 */
static enum io
send_output(struct conn *c, bool more)
{
	struct iovec all[1 + CONN_LENT_MAX];
	struct strbuf out = c->own.out;
	size_t n = c->own.lent_count;
	enum io io;

	c->own.out = (struct strbuf){0};
	c->own.lent_count = 0;
	all[0] = (struct iovec){out.data, out.len};
	for (size_t i = 0; i < n; i++)
		all[i + 1] = c->own.lent[i];
	/* msg_iovlen is an int in some libraries, a size_t in others. */
	io = send_all(c, all, (unsigned short)(n + 1), more);
	strbuf_clear(&out);
	if (conn_is_open(c) && c->own.out.data == NULL && !c->own.out.failed)
		c->own.out = out;
	else
		strbuf_free(&out);
	return io;
}

enum io
conn_send(struct conn *c, bool more)
{
	enum io io;

	if (c->own.sending)
		return IO_OK; /* who sends will send that, too */
	if (c->own.out.failed) {
		errno = ENOMEM;
		return failed_write(c, IO_ERROR);
	}
	c->own.sending = true;
	do
		io = send_output(c, more);
	while (io == IO_OK && c->own.out.len > 0);
	c->own.sending = false;
	return io == IO_OK ? io : failed_write(c, io);
}

enum io
conn_flush(struct conn *c)
{
	return conn_send(c, false);
}

void
conn_expect_early_answer(struct conn *c, bool expected)
{
	c->own.may_answer_early = expected;
}

void
conn_hurry(struct conn *c, int timeout_ms)
{
	if (c->timeout_ms > timeout_ms)
		c->timeout_ms = timeout_ms;
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
	enum io io = conn_send(c, true);
	ssize_t n;

	if (io != IO_OK)
		return io;
	while (len > 0 && io == IO_OK) {
		n = portable_sendfile(c->fd, fd, &offset, (size_t)len);
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
