/*
 * The header line that the option Header makes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_HEADER_LINE_H
#define SRC_MAIL_HEADER_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common/strbuf.h"

/* What the symbols in a template stand for. */
struct header_line_symbols {
	const char *client_ip; /* %i */
	const char *local_ip; /* %l */
	struct tm date; /* %d */
	const char *zone_name;
	long zone_offset_s; /* east of UTC */
};

/*
 * Expand the option Header: escapes (\r \n \t \\ and others) and %-symbols, and
 * end it with CRLF.  The result is appended to out; nothing for an empty
 * template.  Symbols that are unknown are left out and appended to unknown.
 */
void header_line_expand(const char *template,
    const struct header_line_symbols *symbols, struct strbuf *out,
    struct strbuf *unknown);

/*
 * Is text (with CRLF at its end) one or more whole header fields: each line a
 * field or a continuation of one, and no CR, LF or NUL anywhere else?  A name
 * that begins with a dot is none here, so no line needs dot-stuffing.
 */
bool header_line_is_valid(const char *text, size_t len);

/* Does the template ask for the top of the message ("Received:")? */
bool header_line_wants_top(const char *template);

/* Does the template ask for our own address? */
bool header_line_wants_local_ip(const char *template);

/*
 * Append the line (with CRLF) that the template makes now, in local time, of
 * the client's address and of our own side's.  Nothing is appended to an empty
 * out, and a warning logged, when that is no header field.
 */
void header_line_make(const char *template, const char *client_ip,
    const char *local_ip, struct strbuf *out);

#endif
