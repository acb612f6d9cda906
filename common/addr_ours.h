/*
 * What an address is to this host.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_ADDR_OURS_H
#define COMMON_ADDR_OURS_H

#include "common/addr.h"

/* Is a the number of one of this host's interfaces, or of its loopback net?
 * Asks the system; an address that cannot be told is not ours. */
bool addr_is_ours(const struct addr *a);

/*
 * Would a connection to a arrive at a socket that listens on listen?  Asks the
 * system whether two paths are one file, and for the host's own addresses, but
 * only where the answer hangs on it.
 */
bool addr_reaches(const struct addr *a, const struct addr *listen);

#endif
