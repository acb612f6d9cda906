/*
 * The lines that are added to a message on its way.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/stamp.h"

#include <stdbool.h>
#include <string.h>

#include "src/mail/header_line.h"

#define INFECTED_LINE "X-Virus-Infected: Virus Detected!\r\n" /* as 1.10 */
#define STATUS_NAME "X-Virus-Status: "

/* May it stand in a comment as it is?  RFC 5322 3.2.2 (ctext), and a blank. */
static bool
is_comment_octet(char c)
{
	return c >= ' ' && c <= '~' && c != '(' && c != ')' && c != '\\';
}

static void
add_comment(struct strbuf *out, const char *about, size_t max)
{
	size_t len = strlen(about);

	strbuf_puts(out, " (");
	for (size_t i = 0; i < len && i < max; i++)
		strbuf_add(
		    out, is_comment_octet(about[i]) ? &about[i] : "?", 1);
	strbuf_puts(out, ")");
}

static void
add_status(struct strbuf *out, const char *status, const char *about)
{
	const size_t rest =
	    strlen(STATUS_NAME) + strlen(status) + strlen(" ()");

	strbuf_puts(out, STATUS_NAME);
	strbuf_puts(out, status);
	if (about != NULL)
		add_comment(out, about, STAMP_LINE_MAX - rest);
	strbuf_puts(out, "\r\n");
}

/* Lines of our own stand at the end of the header section. */
static void
put_at(struct stamp *stamp, off_t place)
{
	/* Content that has no place for them becomes body as a whole. */
	if (place < 0)
		strbuf_puts(&stamp->text, "\r\n");
	else
		stamp->place = place;
}

static void
mark_scanned(struct stamp *stamp, const struct header_scan *places,
    const struct stamp_source *source)
{
	off_t place = header_line_wants_top(source->header) ? places->top
							    : places->bottom;

	if (place < 0)
		return;
	stamp->place = place;
	header_line_make(
	    source->header, source->client_ip, source->local_ip, &stamp->text);
}

void
stamp_make(struct stamp *stamp, const struct stamp_mark *mark,
    const struct header_scan *places, const struct stamp_source *source)
{
	*stamp = (struct stamp){0};
	switch (mark->kind) {
	case STAMP_NONE:
		return;
	case STAMP_SCANNED:
		mark_scanned(stamp, places, source);
		return;
	case STAMP_INFECTED:
		strbuf_puts(&stamp->text, INFECTED_LINE);
		add_status(&stamp->text, "infected", mark->about);
		put_at(stamp, places->bottom);
		return;
	case STAMP_UNSCANNED:
		add_status(&stamp->text, "unscanned", mark->about);
		put_at(stamp, places->bottom);
		return;
	}
}
