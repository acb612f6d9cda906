/*
 * What we ask the server for ourselves, and wait for.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_UPSTREAM_OWN_H
#define SRC_SESSION_UPSTREAM_OWN_H

#include "src/session/upstream.h"

#define UPSTREAM_PARTING_MS 2000 /* for replies that are due before QUIT */

/*
 * Log that it was silent for so long, by the name that the configuration has
 * for it.
 */
void upstream_tell_silence(const struct upstream *u, int silence_ms);

/* Likewise that it has read nothing of what was sent to it. */
void upstream_tell_stall(const struct upstream *u, int stall_ms);

/*
 * In a message, when all it may say are replies to commands of our own: read
 * them.  Whatever else it says means that it is lost.
 */
void upstream_hear(struct upstream *u);

/* Tell it that we are there, unless it still has to answer the last time. */
void upstream_keep_alive(struct upstream *u);

/* A whole reply that was waited for. */
struct upstream_reply {
	int code; /* of its last line; 0 if that was no reply line */
	bool whole; /* its last line has come */
	struct strbuf text; /* lines with CRLF; the caller frees it */
};

/*
 * Wait until no command is pending any more (upstream_await_pending), or for a
 * whole reply to what is not in the queue (upstream_await_reply), until the
 * deadline.  Returns IO_OK, or why there is none (logged); IO_ERROR also when
 * the server is lost or its reply makes no sense.
 */
enum io upstream_await_pending(struct upstream *u, struct deadline d);
enum io upstream_await_reply(
    struct upstream *u, struct upstream_reply *r, struct deadline d);

/*
 * Close what is open, with QUIT (RFC 5321 4.1.1.10) unless it is the server that
 * ends it.  Commands that were put but not sent are thrown away.  Waits no
 * longer than UPSTREAM_PARTING_MS for the replies to what was sent before, and
 * not for that to QUIT.  May be called on a zeroed struct.
 */
void upstream_close(struct upstream *u);

#endif
