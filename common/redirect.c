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
/* Of linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h, linux/in.h and
 * linux/in6.h, which not every libc comes with. */
#define ORIGINAL_DST 80 /* of IPv4 and IPv6 */
#define TRANSPARENT 19
#define TRANSPARENT_IPV6 75

static bool
is_ipv6(const struct addr *a)
{
	return a->u.sa.sa_family == AF_INET6;
}

/* destination is where the connection has come to; it becomes what the packet
 * filter remembers, if it does. */
static void
ask_filter(int fd, struct addr *destination)
{
	struct addr a = {0};
	socklen_t len = destination->len;

	if (getsockopt(fd, is_ipv6(destination) ? IPPROTO_IPV6 : IPPROTO_IP,
		ORIGINAL_DST, &a.u, &len) == 0)
		(void)addr_take(destination, &a.u.sa);
}

int
redirect_destination(int fd, struct addr *destination)
{
	struct addr own = {0};
	socklen_t len = sizeof own.u;

	if (getsockname(fd, &own.u.sa, &len) < 0 ||
	    addr_take(destination, &own.u.sa) < 0)
		return -1;
	ask_filter(fd, destination);
	return 0;
}

int
redirect_allow(int fd, const struct addr *a)
{
	const int on = 1;

	return setsockopt(fd, is_ipv6(a) ? IPPROTO_IPV6 : IPPROTO_IP,
	    is_ipv6(a) ? TRANSPARENT_IPV6 : TRANSPARENT, &on, sizeof on);
}
#else
int
redirect_destination(int fd, struct addr *destination)
{
	(void)fd;
	(void)destination;
	errno = ENOPROTOOPT;
	return -1;
}

int
redirect_allow(int fd, const struct addr *a)
{
	(void)fd;
	(void)a;
	errno = ENOPROTOOPT;
	return -1;
}
#endif
