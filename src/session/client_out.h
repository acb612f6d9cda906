/*
 * What the client is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_CLIENT_OUT_H
#define SRC_SESSION_CLIENT_OUT_H

#include "src/session/client.h"

/* Put an answer of our own; sent by client_flush. */
void client_say(struct client *c, enum answer answer);

/* Does it know enhanced status codes, and so get them from now on? */
void client_use_codes(struct client *c, bool codes);

/* It has sent the final dot and awaits n replies, more than one in LMTP. */
void client_owe(struct client *c, unsigned long n);

/* Put an answer as each reply that is due to the final dot; at least once. */
void client_conclude(struct client *c, enum answer answer);

/*
 * Put a line as it is, but for octets that could be taken for its end, which
 * become '?'.
 */
void client_relay(struct client *c, const char *line, size_t len);

/*
 * Put a whole reply, one of those due to the final dot: text is its lines with
 * CRLF.  Without memory for that it is only the code, for which the output has
 * room since our 354, which is longer, if what was put before has been sent.
 */
void client_relay_reply(struct client *c, int code, const struct strbuf *text);

/* Send what was put, as conn_flush.  What cannot be means that it is lost. */
void client_flush(struct client *c);

/*
 * Send what was put and the last word (may be ANSWER_NONE) and close, without a
 * reset that could cost the client our last reply: what it has sent so far is
 * read and thrown away.  Waits at most for the sending, as conn_flush.
 */
void client_close(struct client *c, enum answer last_word);

#endif
