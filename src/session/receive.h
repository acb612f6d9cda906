/*
 * A message's content comes from the client.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_RECEIVE_H
#define SRC_SESSION_RECEIVE_H

#include "src/mail/content.h"
#include "src/session/session.h"

/*
 * Say 354, open the content, and read it to its end, also when it cannot be
 * kept or is larger than the server offers: what is left of it must never be taken for commands.  Waits as long as
 * CONN_RATE_MIN and option TimeOut allow.
 * Returns IO_OK, or why there is no end.
 */
enum io receive_content(struct session *s, struct content *content);

#endif
