/*
 * What is to be done with a reply of the server's.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_EXCHANGE_H
#define SRC_SESSION_EXCHANGE_H

#include <stdbool.h>

#include "src/smtp/pending.h"
#include "src/smtp/smtp_reply.h"

/* A line of a reply. */
struct upstream_line {
	const struct pending *about; /* what it answers; NULL: unasked */
	unsigned number; /* of the line in its reply, from 1 */
	const char *data; /* len octets, without the line end */
	size_t len;
	bool cut; /* it was longer than it may be: this is its beginning */
	struct smtp_reply_line reply; /* what it says */
};

struct session;

/* What is to be done with the reply to a command. */
struct exchange {
	const char *name;
	/* For each line as it comes; NULL: the client sees nothing of it. */
	void (*show)(struct session *, const struct upstream_line *);
	/* When its last line has come; about is no longer pending then. */
	void (*note)(struct session *, const struct upstream_line *);
	bool is_last; /* no QUIT of ours may follow before the reply */
};

#endif
