/*
 * Handing a message's content over to the server.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_FORWARD_H
#define SRC_SESSION_FORWARD_H

#include <stdbool.h>

#include "common/strbuf.h"
#include "src/mail/content.h"
#include "src/mail/stamp.h"
#include "src/session/session.h"

/*
 * From the client's final dot to the end of mail data, with the scan.  Who has
 * sent the dot waits 10 minutes (RFC 5321 4.5.3.2.6) and then sends it again.
 */
#ifndef FORWARD_BUDGET_MS
#define FORWARD_BUDGET_MS (9 * 60 * 1000)
#endif

/* For the server's reply to the end of mail data (the same section). */
#ifndef FORWARD_REPLY_MS
#define FORWARD_REPLY_MS (10 * 60 * 1000)
#endif

enum forward_outcome {
	FORWARD_ACCEPTED, /* the server has said 2yz, in LMTP at least once */
	FORWARD_REFUSED, /* it has said 4yz or 5yz, in LMTP each time */
	FORWARD_FAILED, /* it has gone; or nobody knows what it said */
	FORWARD_GIVEN_UP /* before its end, since the client has gone */
};

/* Zeroed before; the caller frees the texts. */
struct forward_report {
	struct strbuf reply; /* the first line of the first refusal */
	struct strbuf acceptance; /* likewise of 2yz to the end of mail data */
	unsigned long accepted; /* replies of 2yz to the end of mail data */
};

/*
 * DATA, the finished content with its mark, and the end of mail data.  The
 * server's replies, as many as the client awaits, are put to the client, or 451
 * for each that does not come when it failed (the session has ended then),
 * unless the client has gone.  What it said before the end of mail data is the
 * reply for every recipient.  Blocks for as long as each wait may take by option
 * TimeOut and all of them by the watch's budget; once the end of mail data has
 * gone out, each reply is awaited for FORWARD_REPLY_MS.
 */
enum forward_outcome forward_message(struct session *s,
    const struct content *content, const struct stamp_mark *mark,
    struct forward_report *report);

#endif
