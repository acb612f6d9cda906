/*
 * The greeting, EHLO, HELO and LHLO.
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

/* Give the memory back. */
void hello_close(struct hello *h);

#endif
