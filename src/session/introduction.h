/*
 * Who the client is, as the server is told (option XClient).
 *
 * Source: Postfix XCLIENT_README.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_INTRODUCTION_H
#define SRC_SESSION_INTRODUCTION_H

#include "src/session/session.h"

/* The server offers XCLIENT with these attributes; or no longer what it did. */
void introduction_offer(struct introduction *i, const char *text, size_t len);
void introduction_forget_offer(struct introduction *i);

/*
 * An EHLO or LHLO was accepted, with what has been offered; or a HELO, behind
 * which nobody knows what is.  Plans what is to be told, once in a session.
 */
void introduction_plan(struct session *s);
void introduction_assume(struct session *s);

/*
 * Tell the server, if that is due: just before the client's next command, as
 * 1.10.  Returns whether it was.
 */
bool introduction_make(struct session *s);

/* The server has accepted the client's AUTH; only XCLIENT undoes that. */
void introduction_note_auth(struct introduction *i);

#endif
