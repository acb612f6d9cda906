/*
 * The thread that looks at clamds that are set aside, until they are back.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_LOOKOUT_H
#define SRC_SCAN_LOOKOUT_H

#include "common/sock.h"
#include "src/scan/clamds.h"

struct lookout {
	struct waiter waiter; /* the first: the stop ends its waits */
	struct clamds *clamds;
	pthread_t thread;
};

/*
 * Look at each clamd that is set aside every SCAN_LOOK_MS, one after the other.
 * Nothing runs while none is.  Returns 0, or -1 with errno.
 */
int lookout_start(struct lookout *l, struct clamds *clamds);

/* Nobody sets a clamd aside any more: end the thread, whatever it does. */
void lookout_stop(struct lookout *l);

#endif
