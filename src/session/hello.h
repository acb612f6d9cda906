/*
 * The greeting, EHLO, HELO and LHLO, and XCLIENT behind them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_HELLO_H
#define SRC_SESSION_HELLO_H

#include "src/session/session.h"

extern const struct exchange hello_greeting, hello_ehlo, hello_helo, hello_lhlo;

/*
 * The server says 421: is that kept from the client, who has heard of no server
 * yet, because there is another one?  Logged when the reply is whole.
 */
bool hello_gives_way(const struct session *s, const struct upstream_line *l);

/*
 * Keep the client's EHLO, HELO or LHLO, and ask the server; or refuse what does
 * not mix with an earlier one that was accepted.
 */
void hello_ask(struct session *s, const struct exchange *exchange,
    const struct smtp_command *c);

/*
 * Tell the server who the client is (option XClient), if that is due: just
 * before the client's next command, as 1.10.  Returns whether it was.
 */
bool hello_introduce(struct session *s);

/* The server has accepted the client's AUTH; only XCLIENT undoes that. */
void hello_note_auth(struct hello *h);

/* Give the memory back. */
void hello_close(struct hello *h);

#endif
