/*
 * Handing a message's content over to the server.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_FORWARD_H
#define SRC_SESSION_FORWARD_H

#include <stdbool.h>

#include "common/strbuf.h"
#include "src/mail/stamp.h"
#include "src/session/session.h"
#include "src/mail/spool.h"

struct forward_order {
	const struct spool *spool; /* finished */
	bool has_dots; /* lines may begin with a dot */
	const struct header_scan *places;
	enum stamp_mark mark;
};

enum forward_outcome {
	FORWARD_ACCEPTED, /* the server has said 2yz */
	FORWARD_REFUSED, /* it has said 4yz or 5yz */
	FORWARD_FAILED /* it has gone; or nobody knows what it said */
};

/*
 * DATA, the content with its header line, and the end of mail data.  The
 * server's reply is put to the client, or 451 when it failed (the session has
 * ended then).  reply gets the first line of a refusal.  Blocks for as long as
 * each of the server's replies and the sending may take by option TimeOut.
 */
enum forward_outcome forward_message(
    struct session *s, const struct forward_order *order, struct strbuf *reply);

#endif
