/*
 * Where a header line may be added, and the Message-ID, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/header.h"

#include <string.h>

#include "common/strutil.h"

#define MESSAGE_ID "Message-ID"
_Static_assert(
    sizeof(((struct header_scan *)0)->name) == sizeof(MESSAGE_ID) - 1,
    "it is known by all of its name");

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Source: RFC 5322 2.2 (ftext). */
static bool
is_name_octet(char c)
{
	return c > ' ' && c < 0x7f && c != ':';
}

static void
found(struct header_scan *s, off_t bottom)
{
	s->bottom = bottom;
	s->state = HEADER_FOUND;
}

static enum header_state
begin_line(struct header_scan *s, char c)
{
	s->line_start = s->offset;
	if (is_blank(c))
		return HEADER_BLANKS;
	s->in_id = false;
	if (!is_name_octet(c)) {
		found(s, s->line_start);
		return HEADER_FOUND;
	}
	s->name[0] = c;
	s->name_len = 1;
	return HEADER_NAME;
}

/* "From " (or ">From ") on the very first line: how an mbox file parts mails. */
static bool
is_mbox_line(const struct header_scan *s)
{
	return !s->first_line_done &&
	    ((s->name_len == 4 && memcmp(s->name, "From", 4) == 0) ||
		(s->name_len == 5 && memcmp(s->name, ">From", 5) == 0));
}

static enum header_state
begin_body(struct header_scan *s)
{
	s->had_field = true;
	s->field_start = s->line_start;
	if (s->had_id || s->name_len != sizeof s->name ||
	    !str_equals(s->name, s->name_len, MESSAGE_ID))
		return HEADER_BODY;
	s->had_id = s->in_id = true;
	return HEADER_ID;
}

static enum header_state
in_name(struct header_scan *s, char c)
{
	if (is_name_octet(c)) {
		if (s->name_len < sizeof s->name)
			s->name[s->name_len] = c;
		s->name_len++;
		return HEADER_NAME;
	}
	if (is_blank(c))
		return HEADER_BEHIND_NAME;
	if (c == ':')
		return begin_body(s);
	found(s, s->line_start);
	return HEADER_FOUND;
}

static enum header_state
behind_name(struct header_scan *s, char c)
{
	if (is_blank(c))
		return HEADER_BEHIND_NAME;
	if (c == ':')
		return in_name(s, c);
	if (is_mbox_line(s)) {
		s->top = -1; /* known when the line has ended */
		return HEADER_BODY;
	}
	found(s, s->line_start);
	return HEADER_FOUND;
}

static enum header_state
end_line(struct header_scan *s)
{
	if (!s->first_line_done && s->top < 0)
		s->top = s->offset + 1;
	s->first_line_done = true;
	return HEADER_LINE_START;
}

/* Take an octet of the Message-ID's value. */
static enum header_state
in_id(struct header_scan *s, char c)
{
	if (c == '\n')
		return end_line(s);
	if (c == '<') /* what stood before is a comment */
		s->id_len = 0;
	if (c == '\r' || (s->id_len == 0 && is_blank(c)))
		return HEADER_ID;
	if (s->id_len < sizeof s->id)
		s->id[s->id_len++] = c;
	s->in_id = !(c == '>' && s->id[0] == '<');
	return s->in_id ? HEADER_ID : HEADER_BODY;
}

static enum header_state
in_blanks(struct header_scan *s, char c)
{
	if (is_blank(c))
		return HEADER_BLANKS;
	if (!s->had_field) {
		s->top = -1;
		found(s, -1);
		return HEADER_FOUND;
	}
	if (c == '\r') {
		found(s, s->field_start);
		return HEADER_FOUND;
	}
	return s->in_id ? in_id(s, c) : HEADER_BODY;
}

/* Go on to the octet that ends the line, or to the last one there is. */
static enum header_state
in_body(struct header_scan *s, const char *in, size_t left, size_t *at)
{
	const char *lf = memchr(in + *at, '\n', left);
	size_t passed = lf == NULL ? left - 1 : (size_t)(lf - in) - *at;

	*at += passed;
	s->offset += (off_t)passed;
	return lf == NULL ? HEADER_BODY : end_line(s);
}

void
header_scan_feed(struct header_scan *s, const char *in, size_t inlen)
{
	for (size_t i = 0; i < inlen && s->state != HEADER_FOUND; i++) {
		switch (s->state) {
		case HEADER_LINE_START:
			s->state = begin_line(s, in[i]);
			break;
		case HEADER_NAME:
			s->state = in_name(s, in[i]);
			break;
		case HEADER_BEHIND_NAME:
			s->state = behind_name(s, in[i]);
			break;
		case HEADER_BODY:
			s->state = in_body(s, in, inlen - i, &i);
			break;
		case HEADER_ID:
			s->state = in_id(s, in[i]);
			break;
		case HEADER_BLANKS:
			s->state = in_blanks(s, in[i]);
			break;
		case HEADER_FOUND:
			break;
		}
		s->offset++;
	}
}

void
header_scan_finish(struct header_scan *s)
{
	while (s->id_len > 0 && is_blank(s->id[s->id_len - 1]))
		s->id_len--;
	if (s->state == HEADER_LINE_START)
		found(s, s->offset);
	else if (s->state != HEADER_FOUND)
		found(s, -1);
}
