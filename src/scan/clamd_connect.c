/*
 * A connection to one clamd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamd_connect.h"

#include <errno.h>

#include "common/resolver.h"
#include "src/scan/scan_config.h"

int
clamd_connect(const struct addr_spec *spec, struct waiter *waiter,
    int connect_ms, struct deadline until, struct addr *addr)
{
	struct addr_choice found;
	int fd = -1;

	if (resolver_find(spec, NULL, &found) < 0)
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		const bool is_last = i + 1 == found.count;
		const struct deadline d =
		    deadline_min(deadline_in(connect_ms), until);

		*addr = found.at[i];
		fd = sock_connect(addr, waiter,
		    is_last ? d
			    : deadline_min(d, deadline_in(SCAN_CONNECT_MS)));
		if (fd >= 0 || errno == ECANCELED)
			return fd;
	}
	resolver_doubt(spec);
	return fd;
}
