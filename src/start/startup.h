/*
 * From the settings to a daemon that serves, and to its end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_STARTUP_H
#define SRC_START_STARTUP_H

#include "common/workers.h"
#include "src/start/arguments.h"

/*
 * Read the configuration, become a daemon (unless there is a debug level) and
 * the user, and serve connections until a signal stops that: serve is what a
 * connection's thread does, with the settings that are in force at its
 * beginning.  Every error is logged.
 *
 * Returns the exit status: EXIT_SUCCESS after a stop; EXIT_USAGE when the
 * configuration is wrong; EXIT_FAILURE when something is missing that may come
 * by itself: an address, a directory, a user, descriptors.  In a process that
 * has detached, the one who started it gets that status.
 */
int startup_run(struct settings *set, const struct arguments *args,
    void (*serve)(struct workers_client *client, const struct settings *set));

#endif
