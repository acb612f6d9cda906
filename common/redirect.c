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
#elif defined(HAVE_NET_PFVAR_H)
#include <fcntl.h>
#include <net/if.h>
#include <net/pfvar.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/sock.h"
#endif

#if defined(__linux__) || defined(HAVE_NET_PFVAR_H)
static bool
is_ipv6(const struct addr *a)
{
	return a->u.sa.sa_family == AF_INET6;
}
#endif

#ifdef __linux__
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
#elif defined(HAVE_NET_PFVAR_H)
/* As pf's ioctl wants it, in the octets of the network. */
static in_port_t
take_side(struct pf_addr *side, const struct addr *a)
{
	if (is_ipv6(a)) {
		side->v6 = a->u.in6.sin6_addr;
		return a->u.in6.sin6_port;
	}
	side->v4 = a->u.in.sin_addr;
	return a->u.in.sin_port;
}

/* The same of pf's rdr and rdr-to.  After divert-to, or ipfw's fwd, nothing is
 * remembered, as nothing was changed. */
static void
look_up(int pf, const struct addr *peer, struct addr *destination)
{
	struct pfioc_natlook look = {.proto = IPPROTO_TCP, .direction = PF_OUT};

	look.af = destination->u.sa.sa_family;
	look.sport = take_side(&look.saddr, peer);
	look.dport = take_side(&look.daddr, destination);
	if (ioctl(pf, DIOCNATLOOK, &look) == 0)
		addr_set(destination, look.af,
		    is_ipv6(destination) ? (const void *)&look.rdaddr.v6
					 : (const void *)&look.rdaddr.v4,
		    ntohs(look.rdport));
}

static void
ask_filter(int fd, struct addr *destination)
{
	struct addr peer;
	int pf;

	if (sock_peer(fd, &peer) < 0)
		return;
	pf = open("/dev/pf", O_RDONLY | O_CLOEXEC);
	if (pf < 0)
		return;
	look_up(pf, &peer, destination);
	(void)close(pf);
}
#else
/* ipfw's fwd leaves the address as it is. */
static void
ask_filter(int fd, struct addr *destination)
{
	(void)fd;
	(void)destination;
}
#endif

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

#ifdef __linux__
int
redirect_allow(int fd, const struct addr *a)
{
	const int on = 1;

	return setsockopt(fd, is_ipv6(a) ? IPPROTO_IPV6 : IPPROTO_IP,
	    is_ipv6(a) ? TRANSPARENT_IPV6 : TRANSPARENT, &on, sizeof on);
}
#else
int
redirect_allow(int fd, const struct addr *a)
{
	(void)fd;
	(void)a;
	return 0;
}
#endif
