/*
 * What the options say about scanning, and how long its steps may take.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_SCAN_CONFIG_H
#define SRC_SCAN_SCAN_CONFIG_H

#include "common/addr_spec.h"

/* A test build has smaller ones. */
#ifndef SCAN_CONNECT_MS
#define SCAN_CONNECT_MS 5000 /* to connect where another clamd is left */
#endif
#ifndef SCAN_LOOK_MS
#define SCAN_LOOK_MS 5000 /* between two looks at one that is set aside */
#endif
#ifndef SCAN_PROOF_MS
#define SCAN_PROOF_MS 10000 /* for a proof, from connecting to its end */
#endif
#ifndef SCAN_PROOF_AGE_MS
#define SCAN_PROOF_AGE_MS 5000 /* from its beginning to the end of a scan */
#endif
#ifndef SCAN_STREAM_MS
#define SCAN_STREAM_MS 300000 /* no descriptors for one that did not get one */
#endif

enum scan_mode { SCAN_MODE_STREAM, SCAN_MODE_FILDES, SCAN_MODE_SCAN };

struct clamds;

struct scan_config {
	enum scan_mode mode; /* option ScanMode */
	struct addr_list addresses; /* option ClamAddress */
	int timeout_ms; /* option ScanTimeOut: for each of sending, answering
			   and, where no other clamd is left, connecting */
	struct clamds *clamds; /* what is known of them; locks itself */
};

#endif
