/*
 * The line in the log that tells how a message has ended.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_SUMMARY_H
#define SRC_MAIL_SUMMARY_H

#include "common/strbuf.h"
#include "src/smtp/envelope.h"

#define SUMMARY_MAX 767 /* octets of the line; as 1.10 */

enum summary_status {
	SUMMARY_NONE, /* it ended before there was anything to tell */
	SUMMARY_CLEAN,
	SUMMARY_VIRUS, /* detail: its name */
	SUMMARY_OVERSIZE,
	SUMMARY_UNSCANNED, /* passed on all the same */
	SUMMARY_SKIPPED, /* it needed no scan */
	SUMMARY_CLAMAV_ERROR,
	SUMMARY_BARE_NEWLINE,
	SUMMARY_SERVER_REFUSED, /* detail: the first line of its reply */
	SUMMARY_SERVER_ERROR,
	SUMMARY_CLIENT_GONE /* it did not wait for the end */
};

struct summary { /* zeroed: nothing to tell */
	enum summary_status status;
	struct strbuf text; /* of the status */
	const char *skip; /* by what it needed no scan; NULL: it did */
	unsigned long refused, recipients; /* of LMTP, at the final dot */
};

/*
 * Tell this from now on, with detail (may be NULL).  Whatever becomes of a
 * virus or of what clamd did not look at, that it was one stays what is told.
 */
void summary_note(
    struct summary *s, enum summary_status status, const char *detail);

/* The server has accepted it for so many of the recipients (LMTP). */
void summary_count(
    struct summary *s, unsigned long accepted, unsigned long recipients);

/*
 * The line "from=S, to=R, to=R, status=..., refused=1/2" in out (cleared first), at most
 * SUMMARY_MAX octets: what is too long loses recipients, never the status.  A
 * blank behind a comma within an address becomes '?', so an address cannot look
 * like the next part.
 */
void summary_line(
    const struct summary *s, const struct envelope *e, struct strbuf *out);

/* Log the line. */
void summary_log(const struct summary *s, const struct envelope *e);

/* Give the memory back. */
void summary_free(struct summary *s);

#endif
