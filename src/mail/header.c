/*
 * Header lines, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/header.h"

#include <stdio.h>
#include <string.h>

#include "common/strutil.h"

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
	if (c == ':') {
		s->had_field = true;
		s->field_start = s->line_start;
		return HEADER_BODY;
	}
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
	return HEADER_BODY;
}

static enum header_state
in_body(struct header_scan *s, char c)
{
	if (c != '\n')
		return HEADER_BODY;
	if (!s->first_line_done && s->top < 0)
		s->top = s->offset + 1;
	s->first_line_done = true;
	return HEADER_LINE_START;
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
			s->state = in_body(s, in[i]);
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
	if (s->state == HEADER_LINE_START)
		found(s, s->offset);
	else if (s->state != HEADER_FOUND)
		found(s, -1);
}

static void
add_date(struct strbuf *out, const struct header_symbols *symbols)
{
	static const char days[7][4] = {
	    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	const struct tm *tm = &symbols->date;
	long minutes = symbols->zone_offset_s / 60;
	long distance = minutes < 0 ? -minutes : minutes;
	char text[128];

	/* Names of our own: strftime(3) would ask the locale. */
	snprintf(text, sizeof text,
	    "%s %s %2d %02d:%02d:%02d %d %c%02ld%02ld (%s)",
	    days[tm->tm_wday % 7], months[tm->tm_mon % 12], tm->tm_mday,
	    tm->tm_hour, tm->tm_min, tm->tm_sec, tm->tm_year + 1900,
	    minutes < 0 ? '-' : '+', distance / 60, distance % 60,
	    symbols->zone_name);
	strbuf_puts(out, text);
}

/* True when the symbol is known. */
static bool
add_symbol(struct strbuf *out, char c, const struct header_symbols *symbols)
{
	switch (c) {
	case 'i':
		strbuf_puts(out, symbols->client_ip);
		return true;
	case 'l':
		strbuf_puts(out, symbols->local_ip);
		return true;
	case 'd':
		add_date(out, symbols);
		return true;
	case '%':
		strbuf_add(out, "%", 1);
		return true;
	default:
		return false;
	}
}

static void
add_escape(struct strbuf *out, char c)
{
	switch (c) {
	case 'r':
		strbuf_add(out, "\r", 1);
		break;
	case 'n':
		strbuf_add(out, "\n", 1);
		break;
	case 't':
		strbuf_add(out, "\t", 1);
		break;
	default:
		strbuf_add(out, &c, 1);
		break;
	}
}

/* Make every LF in b from start on CRLF, as a field that is folded by \n. */
static void
complete_line_ends(struct strbuf *b, size_t start)
{
	struct strbuf whole = {0};
	const char *s = strbuf_str(b);

	strbuf_add(&whole, s, start);
	for (size_t i = start; i < b->len; i++) {
		if (s[i] == '\n' && (i == start || s[i - 1] != '\r'))
			strbuf_add(&whole, "\r", 1);
		strbuf_add(&whole, s + i, 1);
	}
	whole.failed = whole.failed || b->failed;
	strbuf_free(b);
	*b = whole;
}

void
header_expand(const char *template, const struct header_symbols *symbols,
    struct strbuf *out, struct strbuf *unknown)
{
	size_t start = out->len;

	if (*template == '\0')
		return;
	for (const char *p = template; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			add_escape(out, *++p);
		else if (*p == '%' && p[1] != '\0') {
			p++;
			if (!add_symbol(out, *p, symbols))
				strbuf_add(unknown, p, 1);
		} else
			strbuf_add(out, p, 1);
	}
	strbuf_add(out, "\r\n", 2);
	if (strchr(template, '\\') != NULL)
		complete_line_ends(out, start);
}

bool
header_is_valid(const char *text, size_t len)
{
	struct header_scan s = {0};

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0' ||
		    (text[i] == '.' && (i == 0 || text[i - 1] == '\n')) ||
		    (text[i] == '\r' &&
			(i + 1 == len || text[i + 1] != '\n')) ||
		    (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')))
			return false;
	}
	header_scan_feed(&s, text, len);
	header_scan_finish(&s);
	/* A mbox line is no field. */
	return s.had_field && s.top == 0 && s.bottom == (off_t)len;
}

bool
header_wants_top(const char *template)
{
	return str_begins(template, strlen(template), "Received:");
}
