/*
 * The option StatsFile, and SIGUSR1: a thread that tells the counters.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_STATS_H
#define SRC_START_STATS_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "common/strbuf.h"
#include "src/config/settings_current.h"

#define STATS_EVERY_MS 10000 /* between two looks whether something happened */

struct stats {
	/* private */
	struct settings_current *current;
	pthread_t thread;
	atomic_bool leaving, stopping;
	time_t started;
	struct strbuf told; /* what was written last, to... */
	struct strbuf path; /* ... this file, which is... */
	dev_t dev; /* ... this one */
	ino_t ino;
};

/*
 * Write the file, if there is to be one, which fails with a warning alone; and
 * start the thread.  From then on the file is written when something has
 * happened, at most every STATS_EVERY_MS, and at once at a SIGUSR1, which also
 * logs one line of totals.  current is borrowed until stats_stop.
 * Returns 0, or -1 with errno.
 */
int stats_start(struct stats *st, struct settings_current *current);

/* Another daemon may have begun by now: a file of its own is left alone. */
void stats_leave(struct stats *st);

/* No session is left: end the thread, and write the file for the last time. */
void stats_stop(struct stats *st);

#endif
