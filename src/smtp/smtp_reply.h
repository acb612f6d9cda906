/*
 * Reply lines of SMTP.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_SMTP_REPLY_H
#define SRC_SMTP_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct smtp_reply_line {
	int code; /* 100 to 999; 0 when the line is no reply line */
	bool last; /* no line of the same reply follows */
	const char *text; /* behind code and separator; within the line */
	size_t text_len;
};

/*
 * Take a line (without its end) of the server apart.  A line that is no reply
 * line has code 0 and is the last of its reply, such as it is.  The result
 * points into line.  Cannot fail.  Source: RFC 5321 4.2, 4.2.1.
 */
struct smtp_reply_line smtp_reply_parse(const char *line, size_t len);

/* Is it a positive completion reply, 2yz?  Source: RFC 5321 4.2.1. */
bool smtp_reply_is_positive(int code);

#endif
