/*
 * The other end of a connection: a pair of sockets, and a waiter that plays its
 * part, one step whenever there is nothing for us to go on with.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_UNIT_PARTY_H
#define TESTS_UNIT_PARTY_H

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/sock.h"
#include "common/strbuf.h"
#include "tests/unit/unit.h"

enum party_deed {
	PARTY_END, /* nothing comes any more: time passes */
	PARTY_SAY, /* after all was heard that has been sent */
	PARTY_BLURT, /* without having listened */
	PARTY_LEAVE, /* close, after all was heard */
	PARTY_BREAK, /* close */
	PARTY_CANCEL /* something else ends the wait */
};

struct party_step {
	enum party_deed deed;
	struct text text;
};

struct party {
	struct waiter waiter; /* the first */
	int fd; /* its end, or -1 */
	const struct party_step *next;
	struct strbuf heard;
};

static inline void
party_listen(struct party *p)
{
	char buf[65536];
	ssize_t n;

	while (p->fd >= 0 && (n = read(p->fd, buf, sizeof buf)) > 0)
		strbuf_add(&p->heard, buf, (size_t)n);
}

static inline void
party_say(struct party *p, struct text text)
{
	assert_int_equal(send(p->fd, text.p, text.len, MSG_NOSIGNAL), text.len);
}

static inline void
party_leave(struct party *p)
{
	if (p->fd >= 0)
		assert_int_equal(close(p->fd), 0);
	p->fd = -1;
}

static inline enum io
party_play(struct waiter *self, int fd, short events, struct deadline d)
{
	struct party *p = (struct party *)self;
	struct pollfd w = {.fd = fd, .events = events};

	(void)d;
	while (poll(&w, 1, 0) == 0) {
		const struct party_step *s = p->next++;

		switch (s->deed) {
		case PARTY_END:
			p->next--;
			return IO_TIMEOUT;
		case PARTY_CANCEL:
			return IO_CANCELLED;
		case PARTY_SAY:
			party_listen(p);
			party_say(p, s->text);
			break;
		case PARTY_BLURT:
			party_say(p, s->text);
			break;
		case PARTY_LEAVE:
			party_listen(p);
			party_leave(p);
			break;
		case PARTY_BREAK:
			party_leave(p);
			break;
		}
	}
	return IO_OK;
}

/* Returns our end. */
static inline int
party_open(struct party *p, const struct party_step *steps)
{
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	*p = (struct party){
	    .waiter = {party_play}, .fd = pair[1], .next = steps};
	return pair[0];
}

static inline void
party_close(struct party *p)
{
	party_leave(p);
	strbuf_free(&p->heard);
}

#endif
