/*
 * Dot-stuffing and line ends, pure.
 *
 * The decoder runs through whole lines with memchr(3) and looks at single
 * octets only where a line begins or ends.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/dotstuff.h"

#include <string.h>

struct cursor {
	const char *in, *in_end;
	char *out, *out_end;
	const char *next_cr; /* the first CR not yet passed, or in_end */
};

static void
find_next_cr(struct cursor *c)
{
	c->next_cr = memchr(c->in, '\r', (size_t)(c->in_end - c->in));
	if (c->next_cr == NULL)
		c->next_cr = c->in_end;
}

static void
emit(struct cursor *c, const char *s, size_t n)
{
	memcpy(c->out, s, n);
	c->out += n;
}

static bool
has_room(const struct cursor *c)
{
	return c->out_end - c->out >= DOT_DECODE_ROOM;
}

/*
 * Copy text up to the next CR or LF, or the end of input or output.  A CR is
 * searched once, not once per line of content that has none.
 */
static void
copy_text(struct cursor *c)
{
	size_t n, room = (size_t)(c->out_end - c->out);
	const char *lf;

	if (c->next_cr < c->in)
		find_next_cr(c);
	n = (size_t)(c->next_cr - c->in);
	if (n > room)
		n = room;
	lf = memchr(c->in, '\n', n);
	if (lf != NULL)
		n = (size_t)(lf - c->in);
	emit(c, c->in, n);
	c->in += n;
}

/*
 * Copy, in one piece, whole lines that begin with no dot and end as they should.
 * What comes behind them is looked at octet by octet.
 */
static void
copy_lines(struct cursor *c)
{
	const size_t room = (size_t)(c->out_end - c->out);
	const char *end = c->in_end, *p = c->in, *cr;

	if ((size_t)(end - p) > room)
		end = p + room;
	while (p < end && *p != '.') {
		cr = memchr(p, '\r', (size_t)(end - p));
		if (cr == NULL || cr + 1 == end || cr[1] != '\n' ||
		    memchr(p, '\n', (size_t)(cr - p)) != NULL)
			break;
		p = cr + 2;
	}
	emit(c, c->in, (size_t)(p - c->in));
	c->in = p;
}

/* One octet at the start of a line, or whole lines. */
static enum dot_state
at_line_start(struct dot_decoder *d, struct cursor *c)
{
	const char *start = c->in;

	copy_lines(c);
	if (c->in > start)
		return DOT_LINE_START;
	if (*c->in != '.')
		return DOT_TEXT;
	c->in++;
	d->removed++;
	return DOT_LINE_START_DOT;
}

/* One octet behind CRLF and a dot, which stuffs the line or ends the data. */
static enum dot_state
behind_first_dot(struct dot_decoder *d, struct cursor *c)
{
	if (*c->in == '\r') {
		c->in++;
		return DOT_LINE_START_DOT_CR;
	}
	if (*c->in == '.')
		d->may_have_dots = true;
	return DOT_TEXT;
}

/* One octet behind CRLF, a dot and CR. */
static enum dot_state
behind_first_dot_cr(struct dot_decoder *d, struct cursor *c)
{
	if (*c->in != '\n')
		return DOT_CR;
	c->in++;
	d->removed += 2; /* CRLF */
	return DOT_END;
}

/* One octet behind CR, which it makes a line end or a stray one. */
static enum dot_state
behind_cr(struct dot_decoder *d, struct cursor *c)
{
	if (*c->in != '\n') {
		d->repaired = true;
		emit(c, " ", 1);
		return DOT_TEXT;
	}
	c->in++;
	emit(c, "\r\n", 2);
	return DOT_LINE_START;
}

/* Text, up to and with the octet that ends it. */
static enum dot_state
in_text(struct dot_decoder *d, struct cursor *c)
{
	copy_text(c);
	if (c->in == c->in_end || !has_room(c))
		return DOT_TEXT;
	if (*c->in++ == '\r')
		return DOT_CR;
	/* A stray LF: its line ends here, but no dot behind it is special. */
	d->repaired = true;
	d->may_have_dots = true;
	emit(c, "\r\n", 2);
	return DOT_TEXT;
}

size_t
dot_decode(struct dot_decoder *d, const char *in, size_t inlen, char *out,
    size_t outcap, size_t *outlen)
{
	struct cursor c = {.in = in,
	    .in_end = in + inlen,
	    .out = out,
	    .out_end = out + outcap};

	find_next_cr(&c);
	while (c.in < c.in_end && has_room(&c) && d->state != DOT_END) {
		switch (d->state) {
		case DOT_LINE_START:
			d->state = at_line_start(d, &c);
			break;
		case DOT_TEXT:
			d->state = in_text(d, &c);
			break;
		case DOT_CR:
			d->state = behind_cr(d, &c);
			break;
		case DOT_LINE_START_DOT:
			d->state = behind_first_dot(d, &c);
			break;
		case DOT_LINE_START_DOT_CR:
			d->state = behind_first_dot_cr(d, &c);
			break;
		case DOT_END:
			break;
		}
	}
	*outlen = (size_t)(c.out - out);
	return (size_t)(c.in - in);
}

size_t
dot_encode(struct dot_encoder *e, const char *in, size_t inlen, char *out)
{
	const char *end = in + inlen, *lf;
	char *start = out;

	while (in < end) {
		size_t n;

		if (!e->in_line && *in == '.')
			*out++ = '.';
		lf = memchr(in, '\n', (size_t)(end - in));
		n = (size_t)((lf == NULL ? end : lf + 1) - in);
		memcpy(out, in, n);
		out += n;
		in += n;
		e->in_line = lf == NULL;
	}
	return (size_t)(out - start);
}
