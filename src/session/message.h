/*
 * The data phase: one message's content, from DATA to its final reply.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_MESSAGE_H
#define SRC_SESSION_MESSAGE_H

#include "src/session/session.h"

/* How a message has ended. */
struct message_end {
	bool over; /* the session ends with it, and with this... */
	enum answer last_word; /* ... to the client, or nothing more */
};

/*
 * The client has said DATA, recipients are accepted, and no reply is pending:
 * receive the content, have it scanned, and forward, reject, discard or defer
 * it.  The final reply is put to the client (250 only when the server said so,
 * or on purpose), the transaction has ended.  Blocks for as long as that takes.
 */
struct message_end message_run(struct session *s);

#endif
