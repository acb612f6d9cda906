/*
 * Which clamd scans a message, and what is tried again.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_SCANNER_H
#define SRC_SCAN_SCANNER_H

#include "src/scan/clamd.h"
#include "src/scan/clamds.h"

struct scan_result {
	enum scan_verdict verdict; /* that is to be believed */
	struct clamd_answer said; /* by the last; the caller frees its name */
	bool cancelled; /* the waiter ended the scan */
	bool content_lost; /* our own file has failed, and not clamd */
};

/*
 * Have the finished content scanned by the first clamd that takes it, and, when
 * that gives no verdict, once more by another one or over a new connection.
 * Who fails is set aside.  The content's file is retired when somebody may still
 * read it.  Waits by waiter until a verdict is there, all has been tried, the
 * waiter cancels, or the deadline until has passed.  Whatever goes wrong is
 * logged and gives SCAN_FAILED.
 */
void scanner_scan(const struct scan_config *config, struct content *content,
    struct waiter *waiter, struct deadline until, struct scan_result *result);

#endif
