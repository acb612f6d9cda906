/*
 * The line in the log that tells how a message has ended.  Pure, but for
 * summary_log.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_SUMMARY_H
#define SRC_MAIL_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "src/mail/outcome.h"
#include "src/smtp/envelope.h"

#define SUMMARY_MAX 767 /* octets of 1.10's part of the line */
#define SUMMARY_FACTS_MAX 1250 /* octets of what stands behind it */

enum summary_status {
	SUMMARY_NONE, /* it ended before there was anything to tell */
	SUMMARY_CLEAN,
	SUMMARY_VIRUS, /* detail: its name */
	SUMMARY_OVERSIZE,
	SUMMARY_UNSCANNED, /* passed on all the same */
	SUMMARY_SKIPPED, /* it needed no scan */
	SUMMARY_CLAMAV_ERROR,
	SUMMARY_BARE_NEWLINE,
	SUMMARY_UPSTREAM_REFUSED, /* detail: the first line of its reply */
	SUMMARY_UPSTREAM_ERROR,
	SUMMARY_CLIENT_GONE /* it did not wait for the end */
};

/* What has become of the message. */
enum summary_action {
	SUMMARY_LEFT, /* nothing: the client has left */
	SUMMARY_FORWARDED,
	SUMMARY_DISCARDED,
	SUMMARY_REJECTED, /* 5yz */
	SUMMARY_DEFERRED, /* 4yz */
	SUMMARY_PASSED /* forwarded, although it is not known to be clean */
};

/*
 * What is known of the message.  A text that is not known is NULL or empty; all
 * are borrowed and may hold any octets.
 */
struct summary_facts {
	enum summary_action action;
	bool stopped; /* the daemon, before it was decided; not told */
	const char *skip; /* by what it needed no scan */
	unsigned long refused, recipients; /* at the dot; none: not told */
	const char *virus;
	unsigned long long size; /* octets of content, as received */
	bool scanned; /* there was a scan, which took scan_ms */
	uint64_t scan_ms;
	const char *clamd; /* the clamd that gave the verdict */
	const char *client; /* its address */
	const char *helo; /* its name */
	const char *message_id;
	size_t message_id_len;
	const char *ident; /* of the client's mail server, by XFORWARD */
	const char *queue_id; /* of the server */
	size_t queue_id_len;
	const char *upstream; /* its address */
};

struct summary { /* zeroed: nothing to tell */
	enum summary_status status;
	struct strbuf text; /* of the status */
};

/*
 * Tell this from now on, with detail (may be NULL).  Whatever becomes of a
 * virus or of what clamd did not look at, that it was one stays what is told.
 */
void summary_note(
    struct summary *s, enum summary_status status, const char *detail);

/*
 * What has become of a message that was answered with this reply code; 0: with
 * none.
 */
enum summary_action summary_action_of(int code);

/* In which count a message with these belongs. */
enum outcome summary_outcome(
    const struct summary *s, const struct summary_facts *f);

/*
 * The line "from=S, to=R, to=R, status=..., key=value, ..." in out (cleared
 * first).  Up to the status at most SUMMARY_MAX octets: what is too long loses
 * recipients, never the status.  Behind it come the facts that are known, in
 * the order of their struct, of at most SUMMARY_FACTS_MAX octets: each has a
 * bound of its own, and a value beyond it ends in dots.
 *
 * Who splits the line at ", key=" is not fooled: a blank behind a comma within an
 * address becomes '?', and so does, in the status, one that could begin another
 * part; in the facts all control octets, commas and blanks do.
 */
void summary_line(const struct summary *s, const struct summary_facts *f,
    const struct envelope *e, struct strbuf *out);

/* Log the line. */
void summary_log(const struct summary *s, const struct summary_facts *f,
    const struct envelope *e);

/* Give the memory back. */
void summary_free(struct summary *s);

#endif
