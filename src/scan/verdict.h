/*
 * What clamd's answer means.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_VERDICT_H
#define SRC_SCAN_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

enum scan_verdict {
	SCAN_CLEAN,
	SCAN_INFECTED,
	SCAN_OVERSIZE, /* clamd did not look at all of it, and never will */
	SCAN_FAILED /* a verdict of its own, never "clean" */
};

/* The subject of FILDES: clamd names its own descriptor, "fd[11]". */
#define VERDICT_DESCRIPTOR "fd[]"

struct verdict {
	enum scan_verdict verdict;
	bool named; /* infected: clamd's answer tells a name */
	const char
	    *name; /* name_len octets of it; oversize: of what tells it */
	size_t name_len;
	const char *limit; /* oversize: limit_len octets, clamd's word for it */
	size_t limit_len;
	const char *line; /* line_len octets: the line that decided, for logs */
	size_t line_len;
};

/*
 * Judge all that clamd has answered: len octets, lines that end in LF or NUL.
 * subject is what was scanned, as clamd names it: "stream", a path, or
 * VERDICT_DESCRIPTOR.
 * Clean is only one complete line "subject: OK" and nothing else.  Any complete
 * line that ends in FOUND is an infection, but for one that names a limit of
 * clamd's: that, or a refusal for the size, is "oversize" where it stands alone.
 * All else failed.
 * The result points into answer, or to a constant.  Cannot fail.
 * Source: clamd(8), clamd.conf(5) AlertExceedsMax and StreamMaxLength; answers
 * seen of clamd 1.4.
 */
struct verdict verdict_parse(
    const char *answer, size_t len, const char *subject);

/* Does clamd's line say that it got no descriptor? */
bool verdict_is_without_file(const struct verdict *v);

/* Is there a complete line in the answer, so that no more must be awaited? */
bool verdict_is_complete(const char *answer, size_t len);

#endif
