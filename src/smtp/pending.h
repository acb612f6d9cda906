/*
 * Commands that await their replies, in order.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_PENDING_H
#define SRC_SMTP_PENDING_H

#include <stdbool.h>
#include <stddef.h>

#include "src/smtp/answers.h"

#define PENDING_MAX 64 /* commands of a group; more wait with the client */

struct exchange; /* what is to be done with a reply; only passed on here */

struct pending {
	const struct exchange *exchange; /* NULL: no command was sent... */
	enum answer answer; /* ... but this is said in its place */
	char *text; /* the command's argument; owned, NULL for an answer */
	size_t len;
	unsigned lines; /* of the reply, seen so far */
};

struct pending_queue { /* zeroed: empty */
	struct pending entries[PENDING_MAX];
	unsigned first, count;
};

/*
 * Add one; exchange is borrowed, text (len octets) is copied.  Returns 0, or -1
 * when the queue is full (ENOBUFS) or memory is out (ENOMEM).
 */
int pending_push(struct pending_queue *q, const struct exchange *exchange,
    const char *text, size_t len);

/* Add an answer of our own.  Returns 0, or -1 with ENOBUFS. */
int pending_push_answer(struct pending_queue *q, enum answer answer);

/* The oldest one, or NULL; borrowed until pending_take. */
struct pending *pending_head(struct pending_queue *q);

/* Take the oldest one (there is one) off; the caller frees its text. */
struct pending pending_take(struct pending_queue *q);

/* Remove all. */
void pending_clear(struct pending_queue *q);

bool pending_is_empty(const struct pending_queue *q);
bool pending_is_full(const struct pending_queue *q);

#endif
