/*
 * Commands that await their replies, in order.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_PENDING_H
#define SRC_SMTP_PENDING_H

#include <stdbool.h>
#include <stddef.h>

#define PENDING_MAX 64 /* commands of a group; more wait with the client */

/* What is to be done with the reply. */
enum pending_kind {
	PENDING_GREETING, /* hide the server's name */
	PENDING_EHLO, /* and filter its extensions */
	PENDING_HELO,
	PENDING_MAIL, /* relay it and note an acceptance */
	PENDING_RCPT,
	PENDING_RSET,
	PENDING_XFORWARD,
	PENDING_AUTH, /* relay it; 334 asks for one more line */
	PENDING_QUIT, /* relay it, then close */
	PENDING_OTHER, /* relay it */
	PENDING_XCLIENT, /* ours: if accepted, greet again; say nothing */
	PENDING_OWN_RSET, /* ours: if refused, leave the server */
	PENDING_SWALLOW, /* ours: say nothing */
	PENDING_OWN /* no command was sent: the text is the reply */
};

struct pending {
	enum pending_kind kind;
	char *text; /* the command's argument, or the reply; owned */
	size_t len;
	unsigned lines; /* of the reply, seen so far */
};

struct pending_queue { /* zeroed: empty */
	struct pending entries[PENDING_MAX];
	unsigned first, count;
};

/* Add one; text (len octets) is copied.  Returns 0, or -1 when the queue is
 * full (ENOBUFS) or memory is out (ENOMEM). */
int pending_push(struct pending_queue *q, enum pending_kind kind,
    const char *text, size_t len);

/* The oldest one, or NULL; borrowed until pending_pop. */
struct pending *pending_head(struct pending_queue *q);

/* Remove the oldest one. */
void pending_pop(struct pending_queue *q);

/* Remove all. */
void pending_clear(struct pending_queue *q);

bool pending_is_empty(const struct pending_queue *q);
bool pending_is_full(const struct pending_queue *q);

#endif
