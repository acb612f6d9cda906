/*
 * The option -T: what do the clamds find?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_SELFTEST_H
#define SRC_START_SELFTEST_H

#include "src/start/arguments.h"

/*
 * Have each clamd of the configuration scan the EICAR test virus as the daemon
 * would have it scanned: in four forms, and at the end of ever larger messages.
 * Prints a table on standard output.  Root becomes the option User for that.
 * Needs no server and no daemon.  Blocks for minutes at most for each message.
 * Returns EXIT_SUCCESS; EXIT_FAILURE when one of the four was not found or a
 * clamd does not answer; EXIT_USAGE when the configuration is wrong.
 */
int selftest_run(struct settings *set, const struct arguments *args);

#endif
