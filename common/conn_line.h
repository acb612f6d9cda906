/*
 * Lines in the input of a buffered connection.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_CONN_LINE_H
#define COMMON_CONN_LINE_H

#include "common/conn.h"

/* A line in the input buffer: valid until the connection is read again. */
struct line {
	const char *data; /* len octets, without the line end */
	size_t len;
	bool cut; /* it was longer than the limit: this is its beginning */
};

/*
 * Take a complete line from the unread octets.  Returns true with *line, or
 * false when there is none yet.  Of a line of more than CONN_LINE_MAX octets
 * the beginning is kept and the rest thrown away; it is delivered, marked as
 * cut, when its end has come.  conn_skipped counts what was thrown away of one
 * that has not ended, so the caller can tell an endless line.
 */
bool conn_line(struct conn *c, struct line *line);

size_t conn_skipped(const struct conn *c);

/* Let lines have n octets, less than CONN_INPUT_SIZE, not CONN_LINE_MAX. */
void conn_set_line_max(struct conn *c, size_t n);

#endif
