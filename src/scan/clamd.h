/*
 * One talk with one clamd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_CLAMD_H
#define SRC_SCAN_CLAMD_H

#include "common/addr_spec.h"
#include "common/sock.h"
#include "common/strbuf.h"
#include "src/mail/content.h"
#include "src/scan/scan_config.h"
#include "src/scan/verdict.h"

/* What is asked of whom, and how long that may take. */
struct clamd_order {
	const struct addr_spec *address;
	enum scan_mode mode;
	const struct content *content; /* finished; or else... */
	const char *text; /* ... this is streamed as it is */
	int connect_ms; /* to connect */
	int timeout_ms; /* for each of sending and answering */
	struct deadline until; /* for all of it */
	bool is_look; /* what goes wrong is expected: it is not logged */
};

/* How a talk has ended. */
enum clamd_end {
	CLAMD_VERDICT, /* any but SCAN_FAILED */
	CLAMD_UNREACHED, /* there was no connection */
	CLAMD_SILENT, /* it did not read or answer in time */
	CLAMD_CLOSED, /* it closed without a word */
	CLAMD_NO_FILE, /* fildes: the descriptor may not have got there */
	CLAMD_UNCLEAR, /* its answer is none, or none to all that was sent */
	CLAMD_UNPROVED, /* it said OK, but could not prove that it looks */
	CLAMD_NO_MEANS, /* the system has nothing left to connect with */
	CLAMD_NO_CONTENT, /* what it was to look at is lost */
	CLAMD_CANCELLED /* the waiter has ended it */
};

struct clamd_answer {
	enum scan_verdict verdict;
	bool engaged; /* it said something, or let us wait for it */
	bool named; /* name is clamd's */
	struct strbuf name; /* of the virus or limit; the caller frees it */
	const char *clamd; /* where the verdict is from, as it is configured */
};

/* What content_open must put before the content, or NULL. */
const char *clamd_first_line(const struct scan_config *config);

/*
 * Have clamd scan over a connection of its own, as mode says: by nINSTREAM,
 * zFILDES, or zSCAN with the content's path.  Waits by waiter.  Whatever goes
 * wrong is logged; verdict is SCAN_FAILED then.  answer was zeroed, or has served
 * another talk without a verdict.
 */
enum clamd_end clamd_scan(const struct clamd_order *order,
    struct waiter *waiter, struct clamd_answer *answer);

#endif
