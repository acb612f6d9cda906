/*
 * The sockets of the parties of the fuzz target session.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/session/play.h"

void
party_forget(struct strbuf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void
party_hang_up(struct party *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
	p->heard.len = 0;
	if (p->passed >= 0)
		(void)close(p->passed);
	p->passed = -1;
}

/* As recv(2), but a descriptor is taken along. */
static ssize_t
receive(struct party *p, char *buf, size_t len)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof control.room};
	ssize_t n = recvmsg(p->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	if (c != NULL) {
		CHECK(p == &play.clamd && p->passed < 0);
		CHECK(c->cmsg_type == SCM_RIGHTS);
		memcpy(&p->passed, CMSG_DATA(c), sizeof p->passed);
	}
	return n;
}

void
party_say_unsent(struct party *p)
{
	ssize_t n;

	if (p->fd < 0 || p->unsent.len == 0)
		return;
	n = send(
	    p->fd, p->unsent.data, p->unsent.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		n = errno == EAGAIN ? 0 : (ssize_t)p->unsent.len;
	else if (p == &play.server)
		server_note_replies(p->unsent.data, (size_t)n);
	else
		strbuf_add(p == &play.clamd ? &play.talk.answer : &play.said,
		    p->unsent.data, (size_t)n);
	play.talk.answered_ms =
	    p == &play.clamd ? play.now_ms : play.talk.answered_ms;
	if (p == &play.clamd)
		for (ssize_t i = 0; i < n; i++)
			strbuf_add(&play.names,
			    p->unsent.data[i] == '\0' ? "\n"
						      : p->unsent.data + i,
			    1);
	party_forget(&p->unsent, (size_t)n);
}

void
party_hear(struct party *p)
{
	static char buf[65536];
	ssize_t n = 0;

	while (p->fd >= 0 && (n = receive(p, buf, sizeof buf)) > 0)
		strbuf_add(&p->heard, buf, (size_t)n);
	if (p == &play.client)
		client_hear();
	else if (p == &play.server)
		server_hear();
	else
		clamd_hear();
	/* The session has closed it. */
	if (p->fd >= 0 && n == 0)
		party_hang_up(p);
}

static void
answer_call(struct party *p)
{
	int fd;

	if (p->fd >= 0)
		return;
	fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (p == &play.clamd)
		clamd_begin_talk();
	p->fd = fd;
	if (p->gone)
		party_hang_up(p);
}

static void
attend(struct party *p)
{
	party_hear(p);
	if (p->listener >= 0) {
		answer_call(p);
		party_hear(p);
	}
	party_say_unsent(p);
}

void
party_attend_all(void)
{
	attend(&play.client);
	attend(&play.server);
	attend(&play.clamd);
}
