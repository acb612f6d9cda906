/*
 * What the server says.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_UPSTREAM_IN_H
#define SRC_SESSION_UPSTREAM_IN_H

#include "common/conn_line.h"
#include "src/session/upstream.h"

#define REPLY_LINES_MAX 1000 /* lines of one reply; beyond, it is nonsense */
#define REPLY_LINE_EXCESS_MAX 65536 /* octets of a line beyond its limit */
#define UNASKED_LINES_MAX 100 /* lines without a command since the last one */

enum upstream_heard {
	UPSTREAM_NOTHING, /* no line has come whole */
	UPSTREAM_LINE, /* *line is of the reply to line->about */
	UPSTREAM_UNASKED, /* *line answers nothing */
	UPSTREAM_ANSWER /* our own answer is next: *line->about */
};

/*
 * Take the next line of what was read, *line, borrowed until the next read.
 * When it makes no sense the server is lost (UPSTREAM_NOTHING).
 */
enum upstream_heard upstream_next(
    struct upstream *u, struct upstream_line *line);

/*
 * Take the next line of what was read, whatever it answers; longer than it may be
 * it is cut.  False: none has come whole, or it is endless and the server lost.
 */
bool upstream_take_line(struct upstream *u, struct line *line);

/*
 * Read what is there, without waiting.  As conn_read; when it is not IO_OK the
 * caller takes what was said before and calls upstream_gone.
 */
enum io upstream_read(struct upstream *u);

/* It has closed, or its connection does not work: it is lost. */
void upstream_gone(struct upstream *u);

#endif
