/*
 * One turn of the dialogue: what has been read is handled.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_TURN_H
#define SRC_SESSION_TURN_H

#include "src/session/session.h"

enum turn {
	TURN_NOTHING, /* there was nothing to handle yet */
	TURN_SOME,
	TURN_DATA /* the client has said DATA, and may send a message */
};

/* Read what the server has said; when it has gone, handle its last words. */
void turn_read_upstream(struct session *s);

/* Handle the complete reply lines and answers that are next. */
enum turn turn_take_replies(struct session *s);

/*
 * Handle the complete command lines, as far as they may be by now: up to DATA,
 * which is the caller's; no reply is pending then.
 */
enum turn turn_take_commands(struct session *s);

#endif
