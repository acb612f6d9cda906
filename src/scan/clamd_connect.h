/*
 * A connection to one clamd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_CLAMD_CONNECT_H
#define SRC_SCAN_CLAMD_CONNECT_H

#include "common/addr_spec.h"
#include "common/sock.h"

/*
 * Connect to the first of what spec stands for where that succeeds: *addr.  One
 * that has others behind it has SCAN_CONNECT_MS, each has connect_ms, and all of
 * them have until.  As sock_connect, or -1 with what resolver_find says.
 */
int clamd_connect(const struct addr_spec *spec, struct waiter *waiter,
    int connect_ms, struct deadline until, struct addr *addr);

#endif
