/*
 * The ways in and out: do they go together?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_WAYS_H
#define SRC_START_WAYS_H

#include <stdbool.h>

#include "src/config/settings.h"

/*
 * Find what each Listen stands for: of a name the first address of IPv4, as
 * 1.10, or else of IPv6.  Blocks as getaddrinfo(3) does, so it comes before
 * signals_prepare.  Returns 0, or -1 after an error was logged.
 */
int ways_find_listeners(struct settings *set);

/*
 * Would mail that goes to an OutAddress come back to a Listen?  Warns of a
 * listener that is open to all before a server on this host.  by_name: looks at
 * what is known of names alone; otherwise at all other addresses.  Never waits.
 * Returns 0, or -1 after an error was logged.
 */
int ways_check(const struct settings *set, bool by_name);

#endif
