/*
 * A message's content: the one way in, the one way out.
 *
 * Comes in as on the wire, is kept as it is shown to clamd, forwarded and
 * quarantined: lines that end in CRLF, without dot-stuffing.  Nobody else knows
 * where the octets are.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_CONTENT_H
#define SRC_MAIL_CONTENT_H

#include "common/conn.h"
#include "src/mail/header.h"
#include "src/mail/spool.h"
#include "src/smtp/dotstuff.h"

struct content {
	struct spool spool;
	bool failed; /* it could not be kept: there is nothing to send */
	bool too_large; /* likewise, since it is larger than may be */
	unsigned long long size_max; /* octets of it that may be; 0: any */
	unsigned long long octets; /* taken so far, counted as they are kept */
	struct dot_decoder dots;
	unsigned long long taken; /* octets of it on the wire */
	struct header_scan places; /* where a header line may be put */
};

/*
 * Begin.  dir, first_line and named are as in spool_open.  A failure, here or later,
 * is logged and remembered; what is taken is thrown away then.
 */
void content_open(
    struct content *c, const char *dir, const char *first_line, bool named);

/*
 * From now on more octets than these (RFC 1870 5 counts them as we do) are
 * too large: all of it is thrown away.  0: any.
 */
void content_limit(struct content *c, unsigned long long size_max);

/*
 * Take octets as received, cut anywhere.  Returns those used: less than len only
 * when the end of mail data has been seen, and the rest belongs to the next
 * command.
 */
size_t content_take(struct content *c, const char *in, size_t len);

/* Has the end of mail data been seen? */
bool content_is_complete(const struct content *c);

/* Octets of it as received, but without dot-stuffing and the end of mail data;
 * also of content that failed. */
unsigned long long content_received(const struct content *c);

/* All has been taken: bring it to where it is sent from. */
void content_finish(struct content *c);

/* Octets of it, when finished. */
off_t content_size(const struct content *c);

/* The path of its file, or of the directory if that has no name; borrowed. */
const char *content_path(const struct content *c);

/* The descriptor of its file, which has first_line in front; borrowed. */
int content_descriptor(const struct content *c);

/* As spool_is_whole and spool_is_readable; what is not so is logged. */
bool content_is_whole(const struct content *c);
bool content_is_readable(const struct content *c);

/* As spool_retire. */
void content_retire(struct content *c);

enum content_form {
	CONTENT_PLAIN, /* as it is kept */
	CONTENT_STUFFED /* dots at the beginning of lines doubled */
};

/*
 * Send finished content from one offset (stuffed: the start of a line) to
 * another over conn, behind what was put.  What is in memory is only lent to
 * conn; all else is sent, as conn_sendfile and conn_send with more do it.
 * Returns as they do; IO_ERROR also, logged, when it cannot be read.
 */
enum io content_send(const struct content *c, enum content_form form,
    off_t from, off_t to, struct conn *conn);

/* As spool_quarantine. */
int content_quarantine(const struct content *c, struct strbuf *path);

/* Give it up.  May be called twice. */
void content_close(struct content *c);

#endif
