/*
 * The threads that look at clamds that are set aside, until they are back: one
 * for each, so that none waits for another one that does not answer.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_LOOKOUT_H
#define SRC_SCAN_LOOKOUT_H

#include "common/sock.h"
#include "src/scan/clamds.h"

struct lookout_one {
	struct waiter waiter; /* the first: the stop ends its waits */
	struct clamds *clamds;
	size_t i; /* of the clamd */
	pthread_t thread;
};

struct lookout {
	struct lookout_one each[ADDR_LIST_MAX];
	size_t count;
};

/*
 * Look at each clamd that is set aside every SCAN_LOOK_MS.  Nothing runs while
 * none is.  Returns 0, or -1 with errno.
 */
int lookout_start(struct lookout *l, struct clamds *clamds);

/* Nobody sets a clamd aside any more: end the threads, whatever they do. */
void lookout_stop(struct lookout *l);

#endif
