/*
 * One talk with clamd about a message.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_CLAMD_H
#define SRC_SCAN_CLAMD_H

#include "common/sock.h"
#include "common/strbuf.h"
#include "src/mail/content.h"
#include "src/scan/verdict.h"

enum scan_mode { SCAN_MODE_STREAM, SCAN_MODE_SCAN };

struct scan_config {
	enum scan_mode mode; /* option ScanMode */
	struct addr_spec address; /* option ClamAddress */
	int timeout_ms; /* for each of connecting, sending and answering */
};

struct scan_result {
	enum scan_verdict verdict;
	bool answered; /* clamd said something, or let us wait for it */
	bool cancelled; /* the waiter ended the scan */
	bool named; /* infected: name is clamd's */
	struct strbuf name; /* of the virus; the caller frees it */
};

/* What content_open must put before the content, or NULL. */
const char *clamd_first_line(const struct scan_config *config);

/*
 * Have clamd scan the finished content over a connection of its own: by nINSTREAM
 * or (ScanMode: scan) by zSCAN with the file's path.  Waits by waiter; each of
 * connecting, sending and answering has the configured time.  Whatever goes
 * wrong is logged and gives SCAN_FAILED.
 */
void clamd_scan(const struct scan_config *config, const struct content *content,
    struct waiter *waiter, struct scan_result *result);

#endif
