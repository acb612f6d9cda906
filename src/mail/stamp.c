/*
 * The line that is added to a message on its way.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/stamp.h"

#include "src/mail/header_line.h"

#define INFECTED_LINE "X-Virus-Infected: Virus Detected!\r\n"

static void
mark_infected(struct stamp *stamp, off_t place)
{
	strbuf_puts(&stamp->text, INFECTED_LINE);
	/* Content that has no place for it becomes body as a whole. */
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
stamp_make(struct stamp *stamp, enum stamp_mark mark,
    const struct header_scan *places, const struct stamp_source *source)
{
	*stamp = (struct stamp){0};
	switch (mark) {
	case STAMP_INFECTED:
		mark_infected(stamp, places->bottom);
		return;
	case STAMP_SCANNED:
		mark_scanned(stamp, places, source);
		return;
	}
}
