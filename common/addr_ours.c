/*
 * What an address is to this host: the system is asked.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr_ours.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of an internet address. */
static bool
is_ipv6(const struct addr *a)
{
	return a->u.sa.sa_family == AF_INET6;
}

static bool
is_path(const struct addr *a)
{
	return a->len >= sizeof a->u.sa.sa_family &&
	    a->u.sa.sa_family == AF_UNIX;
}

/* All of 127.0.0.0/8 (RFC 1122 3.2.1.3) and ::1 (RFC 4291 2.5.3). */
static bool
is_loopback(const struct addr *a)
{
	if (addr_is_any(a))
		return true;
	if (is_ipv6(a))
		return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
	return ntohl(a->u.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* Where a connection to 0.0.0.0 or :: leads to. */
static bool
is_first_loopback(const struct addr *a)
{
	return is_ipv6(a) ? IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr)
			  : a->u.in.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

/* What can be bound to is ours; also any other, if the system is set so. */
static bool
can_be_bound(const struct addr *a)
{
	struct addr any_port = *a;
	int fd = socket(a->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool bound;

	addr_set_port(&any_port, 0);
	bound = fd >= 0 && bind(fd, &any_port.u.sa, any_port.len) == 0;
	if (fd >= 0)
		(void)close(fd);
	return bound;
}

static bool
is_of(const struct addr *a, const struct sockaddr *interface)
{
	struct addr its;

	return interface != NULL && addr_take(&its, interface) == 0 &&
	    addr_same_host(a, &its);
}

bool
addr_is_ours(const struct addr *a)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (!addr_is_inet(a))
		return false;
	if (is_loopback(a))
		return true;
	if (getifaddrs(&all) < 0) /* it needs netlink(7) */
		return can_be_bound(a);
	for (const struct ifaddrs *i = all; i != NULL && !found;
	     i = i->ifa_next)
		found = is_of(a, i->ifa_addr);
	freeifaddrs(all);
	return found;
}

/* The directory of path, and the name in it.  0, or -1 with errno. */
static int
find_directory(const char *path, struct stat *st, const char **name)
{
	char dir[ADDR_TEXT_MAX + sizeof "/."];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	*name = slash == NULL ? path : slash + 1;
	snprintf(dir, sizeof dir, "%.*s/.", (int)len, path);
	return stat(slash == NULL ? "." : dir, st);
}

/* Are they one file, or will they be when there is one? */
static bool
is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;
	const char *name_a, *name_b;

	if (find_directory(a, &sa, &name_a) == 0 &&
	    find_directory(b, &sb, &name_b) == 0 && sa.st_dev == sb.st_dev &&
	    sa.st_ino == sb.st_ino && strcmp(name_a, name_b) == 0)
		return true;
	return stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

bool
addr_reaches(const struct addr *a, const struct addr *listen)
{
	if (is_path(a) && is_path(listen))
		return is_same_file(a->u.un.sun_path, listen->u.un.sun_path);
	if (!addr_is_inet(a) || !addr_is_inet(listen) ||
	    is_ipv6(a) != is_ipv6(listen) || addr_port(a) != addr_port(listen))
		return false;
	if (addr_is_any(listen))
		return addr_is_ours(a);
	return addr_same_host(a, listen) ||
	    (addr_is_any(a) && is_first_loopback(listen));
}
