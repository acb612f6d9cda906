/*
 * The option -n: is the configuration right?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_CHECK_H
#define SRC_START_CHECK_H

#include "src/start/arguments.h"

/*
 * Say every fault of the configuration on standard error, with file and line, as
 * far as it can be known without the daemon being started: grammar, values,
 * addresses, names, user, directory, virus action, limit of descriptors.  What
 * may come by itself is a warning: a name, clamd, a directory below /run.
 * Changes nothing, but that root becomes the daemon's user, and needs no root.
 * Blocks as getaddrinfo(3) does.
 * Returns EXIT_SUCCESS, or EXIT_USAGE after a fault.
 */
int check_run(struct settings *set, const struct arguments *args);

#endif
