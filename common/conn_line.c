/*
 * Lines in the input of a buffered connection.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/conn_line.h"

#include <string.h>

/* Nothing of a line too long is kept behind its limit. */
static void
throw_excess_away(struct conn *c)
{
	size_t len = c->own.in_end - c->own.in_start;

	if (len > c->own.line_max) {
		c->own.skipped += len - c->own.line_max;
		c->own.in_end = c->own.in_start + c->own.line_max;
		len = c->own.line_max;
	}
	c->own.in_seen = len;
}

void
conn_set_line_max(struct conn *c, size_t n)
{
	c->own.line_max = n;
}

bool
conn_line(struct conn *c, struct line *line)
{
	size_t len, used;
	const char *in = conn_peek(c, &len), *lf;

	lf = memchr(in + c->own.in_seen, '\n', len - c->own.in_seen);
	if (lf == NULL) {
		throw_excess_away(c);
		return false;
	}
	used = (size_t)(lf - in) + 1;
	*line = (struct line){.data = in, .len = used - 1};
	if (used > c->own.line_max || c->own.skipped > 0) {
		line->len = c->own.line_max - 2;
		line->cut = true;
	} else if (line->len > 0 && in[line->len - 1] == '\r')
		line->len--;
	conn_consume(c, used);
	c->own.in_seen = c->own.skipped = 0;
	conn_log(c, '<', line->data, line->len);
	return true;
}

size_t
conn_skipped(const struct conn *c)
{
	return c->own.skipped;
}
