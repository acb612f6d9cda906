/*
 * From the server to the client: replies.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_REPLIES_H
#define SRC_SESSION_REPLIES_H

#include <stdbool.h>

#include "common/strbuf.h"
#include "src/session/session.h"

#define REPLY_LINES_MAX 1000 /* lines of one reply; beyond, it is nonsense */
#define REPLY_LINE_EXCESS_MAX 65536 /* octets of a line beyond its limit */
#define UNASKED_LINES_MAX 100 /* lines without a command since the last one */

/* Handle the complete reply lines that have been read.  Returns whether there
 * was one. */
bool replies_take(struct session *s);

/* A whole reply that was waited for. */
struct reply {
	int code; /* of its last line; 0 if that was no reply line */
	struct strbuf text; /* lines with CRLF; the caller frees it */
};

/*
 * Wait for a whole reply until the deadline.  Returns IO_OK, or why there is
 * none (logged); IO_ERROR also for a reply without end.
 */
enum io replies_await(struct session *s, struct reply *r, struct deadline d);

/* Wait until no command is pending any more.  As replies_await. */
enum io replies_await_all(struct session *s, struct deadline d);

/*
 * Put a whole reply to the client.  Without memory for that it is only its
 * code, for which the output has room since our 354, which is longer.
 */
void replies_relay(struct session *s, const struct reply *r);

#endif
