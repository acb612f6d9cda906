/*
 * The line that is added to a message on its way: which, and where.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_STAMP_H
#define SRC_MAIL_STAMP_H

#include "common/strbuf.h"
#include "src/mail/header.h"

enum stamp_mark {
	STAMP_SCANNED, /* the line that the option Header makes */
	STAMP_INFECTED /* a line of our own, which is always there */
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
 * Make the stamp for content with these places.  The caller frees its text,
 * which has failed when memory ran out.
 */
void stamp_make(struct stamp *stamp, enum stamp_mark mark,
    const struct header_scan *places, const struct stamp_source *source);

#endif
