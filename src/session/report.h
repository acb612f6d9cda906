/*
 * What a message's steps have found out, for its line in the log and the
 * counters.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_REPORT_H
#define SRC_SESSION_REPORT_H

#include "src/mail/content.h"
#include "src/mail/summary.h"
#include "src/session/forward.h"
#include "src/session/session.h"

struct report { /* zeroed: nothing is known */
	struct summary summary;
	struct summary_facts facts; /* those that the session cannot tell */
	struct forward_report forward; /* when it went on */
};

/* The server was to take it for so many recipients, each by itself (LMTP). */
void report_recipients(struct report *r, unsigned long recipients);

/*
 * Log the message's one line, and count it.  The content has ended, whatever has
 * become of it; the envelope is that of the message.
 */
void report_write(
    struct report *r, const struct session *s, const struct content *content);

/* Give the memory back. */
void report_free(struct report *r);

#endif
