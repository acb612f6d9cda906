/*
 * Redirected connections.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/redirect.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifdef __linux__
/* linux/netfilter_ipv4.h, which not every libc comes with */
#define SO_ORIGINAL_DST 80
#endif

int
redirect_destination(int fd, struct addr *destination)
{
#ifdef SO_ORIGINAL_DST
	socklen_t len = sizeof destination->u.in;

	if (getsockopt(
		fd, IPPROTO_IP, SO_ORIGINAL_DST, &destination->u.in, &len) < 0)
		return -1;
	destination->len = len;
	return 0;
#else
	(void)fd;
	(void)destination;
	errno = ENOPROTOOPT;
	return -1;
#endif
}
