/*
 * The mail transaction: MAIL, RCPT, RSET, XFORWARD, and what DATA must refuse.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_TRANSACTION_H
#define SRC_SESSION_TRANSACTION_H

#include "src/session/session.h"

extern const struct exchange transaction_mail, transaction_rcpt,
    transaction_rset, transaction_xforward;

/*
 * May the server have a MAIL or RCPT command: is there room for its address, and
 * does it ask for nothing that we hide?  If not, the client is answered.
 */
bool transaction_allows_path(struct session *s, const struct exchange *exchange,
    const struct smtp_command *c);

/*
 * May the client say for whom it speaks?  A redirected one (TransparentProxy)
 * is a stranger, whatever address the server sees.
 */
bool transaction_allows_xforward(const struct session *s);

/* What DATA is to be answered: ANSWER_GO, or why there can be no message. */
enum answer transaction_allows_data(const struct session *s);

/*
 * The replies that its final dot will have: in LMTP one for each recipient that
 * was accepted (RFC 2033 4.2).
 */
unsigned long transaction_replies(const struct session *s);

/* The transaction has ended. */
void transaction_end(struct session *s);

#endif
