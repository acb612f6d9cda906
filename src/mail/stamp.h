/*
 * The lines that are added to a message on its way: which, and where.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_STAMP_H
#define SRC_MAIL_STAMP_H

#include "common/strbuf.h"
#include "src/mail/header.h"

#define STAMP_LINE_MAX 998 /* octets without CRLF; RFC 5322 2.1.1 */

enum stamp_kind {
	STAMP_NONE, /* nothing is added */
	STAMP_SCANNED, /* the line that the option Header makes */
	/* Lines of our own, which are always there. */
	STAMP_INFECTED,
	STAMP_UNSCANNED
};

struct stamp_mark {
	enum stamp_kind kind;
	const char *about; /* the virus; why it is unscanned; NULL: untold */
};

/* What the option Header makes its line of.  All borrowed. */
struct stamp_source {
	const char *header; /* the template; "" for none */
	const char *client_ip;
	const char *local_ip;
};

struct stamp {
	struct strbuf text; /* with CRLF; empty for none */
	off_t place; /* in the content */
};

/*
 * Make the stamp for content with these places.  What the mark is about may have
 * any octets: those that have no place in a comment (RFC 5322 3.2.2) become '?',
 * and what is too long for a line is cut.  The caller frees the stamp's text,
 * which has failed when memory ran out.
 */
void stamp_make(struct stamp *stamp, const struct stamp_mark *mark,
    const struct header_scan *places, const struct stamp_source *source);

#endif
