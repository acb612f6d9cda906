/*
 * Kinds of lines that strangers can cause as often as they like: one of them is
 * written in LOG_RARELY_MS, and the others are counted, which is told when that
 * time is over and something is logged.  For all threads.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_LOG_KINDS_H
#define COMMON_LOG_KINDS_H

#include <stdbool.h>

#include "common/deadline.h"

#define LOG_RARELY_MS 60000 /* between two lines of a kind */

/* Static and zeroed before. */
struct log_kind {
	struct log_kind *next;
	struct deadline until; /* none is written before */
	unsigned long more; /* that were not */
	bool known; /* to the list of all kinds */
	char text[256]; /* the one that was written */
};

/* Is this line one too many?  Then it is counted, or else text is kept. */
bool log_kinds_count(struct log_kind *kind, const char *text);

/*
 * Take the count of a kind of which there is one to tell, and time to: a copy
 * goes to *told.  at_once: it is time for all.  False: there is none any more.
 */
bool log_kinds_take_due(bool at_once, struct log_kind *told);

#endif
