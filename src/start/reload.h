/*
 * SIGHUP: the configuration is read again, by a thread of its own, so that
 * nobody waits for a name or a file.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_RELOAD_H
#define SRC_START_RELOAD_H

#include <stdatomic.h>

#include "common/server.h"
#include "src/config/settings_current.h"
#include "src/start/arguments.h"

/* What a reload has to do with; all borrowed until reload_stop. */
struct reload_config {
	const struct arguments *args;
	const struct settings *first; /* what cannot change is of these */
	struct settings_current *current;
	struct server *server;
	unsigned long own_descriptors; /* for limits_raise */
};

struct reload {
	/* private */
	const struct reload_config *config;
	pthread_t thread;
	atomic_bool stopping;
};

/*
 * Take SIGHUP from now on: read the options of the command line and the file
 * again, and let those that may change be in force for the sessions to come.  A
 * file with a fault, or that cannot be read, changes nothing.  All of that is
 * logged.  Returns 0, or -1 with errno.
 */
int reload_start(struct reload *r, const struct reload_config *config);

/* End the thread; it is waited for, a second at most. */
void reload_stop(struct reload *r);

#endif
