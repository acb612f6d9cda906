/*
 * Reply lines of SMTP, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/smtp_reply.h"

#include "common/strutil.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct smtp_reply_line
smtp_reply_parse(const char *line, size_t len)
{
	struct smtp_reply_line r = {
	    .last = true, .text = line, .text_len = len};

	if (len < 3 || line[0] < '1' || line[0] > '9' || !is_digit(line[1]) ||
	    !is_digit(line[2]))
		return r;
	if (len > 3 && line[3] != '-' && !str_is_space(line[3]))
		return r;
	r.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	r.last = len == 3 || line[3] != '-';
	r.text = line + (len > 3 ? 4 : 3);
	r.text_len = len - (len > 3 ? 4 : 3);
	return r;
}

bool
smtp_reply_is_positive(int code)
{
	return code >= 200 && code <= 299;
}
