/*
 * A balancer's own check of how we are: answered by ourselves, so it costs no
 * session at the server.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_HEALTH_H
#define SRC_SESSION_HEALTH_H

#include "src/session/session.h"

#define HEALTH_FRESH_MS 5000 /* so long an attempt to reach the server counts */

/* The server could, or could not, be reached just now.  For all sessions. */
void health_note_upstream(bool reached);

/*
 * Hold the dialogue: the greeting, HELO, EHLO, NOOP, RSET and QUIT, and nothing
 * else.  While no clamd can be asked or the server cannot be reached the client
 * gets 421 and the end.  try_upstream connects to the server and leaves it again;
 * it notes what came of it.
 * Returns the last word to the client.
 */
enum answer health_run(
    struct session *s, void (*try_upstream)(struct session *s));

#endif
