/*
 * The header line that the option Header makes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/header_line.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/strutil.h"
#include "src/mail/header.h"

static void
add_date(struct strbuf *out, const struct header_line_symbols *symbols)
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
add_symbol(
    struct strbuf *out, char c, const struct header_line_symbols *symbols)
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

	for (size_t i = 0; i < b->len; i++) {
		if (s[i] == '\n' && i >= start &&
		    (i == start || s[i - 1] != '\r'))
			strbuf_add(&whole, "\r", 1);
		strbuf_add(&whole, s + i, 1);
	}
	strbuf_clear(b);
	strbuf_add_buf(b, &whole);
	strbuf_free(&whole);
}

void
header_line_expand(const char *template,
    const struct header_line_symbols *symbols, struct strbuf *out,
    struct strbuf *unknown)
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
		} else {
			size_t plain = 1 + strcspn(p + 1, "\\%");

			strbuf_add(out, p, plain);
			p += plain - 1;
		}
	}
	strbuf_add(out, "\r\n", 2);
	if (strchr(template, '\\') != NULL)
		complete_line_ends(out, start);
}

bool
header_line_is_valid(const char *text, size_t len)
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
header_line_wants_top(const char *template)
{
	return str_begins(template, strlen(template), "Received:");
}

bool
header_line_wants_local_ip(const char *template)
{
	return strstr(template, "%l") != NULL;
}

void
header_line_make(const char *template, const char *client_ip,
    const char *local_ip, struct strbuf *out)
{
	struct header_line_symbols symbols = {
	    .client_ip = client_ip, .local_ip = local_ip};
	struct strbuf unknown = {0};
	time_t now = time(NULL);

	localtime_r(&now, &symbols.date);
	symbols.zone_name = symbols.date.tm_zone;
	symbols.zone_offset_s = symbols.date.tm_gmtoff;
	header_line_expand(template, &symbols, out, &unknown);
	for (const char *c = strbuf_str(&unknown); *c != '\0'; c++)
		log_warn("invalid header symbol: %%%c", *c);
	strbuf_free(&unknown);
	/* The name of a client's local socket may be anything. */
	if (out->len > 0 && !header_line_is_valid(strbuf_str(out), out->len)) {
		log_warn("no header line: what the option Header makes here "
			 "is none");
		strbuf_clear(out);
	}
}
