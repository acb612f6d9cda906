/*
 * Addresses of sockets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_family(const struct addr *a, sa_family_t family)
{
	return a->len >= sizeof family && a->u.sa.sa_family == family;
}

static bool
is_ipv4(const struct addr *a)
{
	return is_family(a, AF_INET);
}

static bool
is_ipv6(const struct addr *a)
{
	return is_family(a, AF_INET6);
}

bool
addr_is_inet(const struct addr *a)
{
	return is_ipv4(a) || is_ipv6(a);
}

/* Make the IPv4 address in the last octets of a what it is. */
static void
unmap(struct addr *a)
{
	const in_port_t port = a->u.in6.sin6_port;
	struct in_addr number;

	memcpy(&number, &a->u.in6.sin6_addr.s6_addr[12], sizeof number);
	*a = (struct addr){.len = sizeof a->u.in};
	a->u.in.sin_family = AF_INET;
	a->u.in.sin_addr = number;
	a->u.in.sin_port = port;
}

int
addr_take(struct addr *a, const struct sockaddr *sa)
{
	*a = (struct addr){0};
	switch (sa->sa_family) {
	case AF_INET:
		a->len = sizeof a->u.in;
		break;
	case AF_INET6:
		a->len = sizeof a->u.in6;
		break;
	default:
		errno = EAFNOSUPPORT;
		return -1;
	}
	memcpy(&a->u, sa, a->len);
	if (is_ipv6(a) && IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		unmap(a);
	return 0;
}

int
addr_number(struct addr *a, const char *text, in_port_t port)
{
	struct addr number = {0};

	if (inet_pton(AF_INET, text, &number.u.in.sin_addr) == 1)
		number.u.sa.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &number.u.in6.sin6_addr) == 1)
		number.u.sa.sa_family = AF_INET6;
	else {
		errno = EINVAL;
		return -1;
	}
	(void)addr_take(a, &number.u.sa);
	addr_set_port(a, port);
	return 0;
}

in_port_t
addr_port(const struct addr *a)
{
	if (!addr_is_inet(a))
		return 0;
	return ntohs(is_ipv6(a) ? a->u.in6.sin6_port : a->u.in.sin_port);
}

void
addr_set_port(struct addr *a, in_port_t port)
{
	if (is_ipv6(a))
		a->u.in6.sin6_port = htons(port);
	else
		a->u.in.sin_port = htons(port);
}

bool
addr_is_any(const struct addr *a)
{
	if (is_ipv6(a))
		return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
	return is_ipv4(a) && a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* The interface tells numbers apart where it is known of both. */
static bool
same_ipv6(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	return IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr) &&
	    (a->sin6_scope_id == b->sin6_scope_id || a->sin6_scope_id == 0 ||
		b->sin6_scope_id == 0);
}

bool
addr_same_host(const struct addr *a, const struct addr *b)
{
	if (is_ipv6(a) && is_ipv6(b))
		return same_ipv6(&a->u.in6, &b->u.in6);
	return is_ipv4(a) && is_ipv4(b) &&
	    a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
}

bool
addr_same(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

/* All of 127.0.0.0/8 (RFC 1122 3.2.1.3) and ::1 (RFC 4291 2.5.3); to connect to
 * 0.0.0.0 or :: leads there. */
static bool
is_loopback(const struct addr *a)
{
	if (addr_is_any(a))
		return true;
	if (is_ipv6(a))
		return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
	return ntohl(a->u.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
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
	struct addr loopback;

	if (is_family(a, AF_UNIX) && is_family(listen, AF_UNIX))
		return is_same_file(a->u.un.sun_path, listen->u.un.sun_path);
	if (!addr_is_inet(a) || !is_family(listen, a->u.sa.sa_family) ||
	    addr_port(a) != addr_port(listen))
		return false;
	if (addr_is_any(listen))
		return addr_is_ours(a);
	(void)addr_number(&loopback, is_ipv6(a) ? "::1" : "127.0.0.1", 0);
	return addr_same_host(a, listen) ||
	    (addr_is_any(a) && addr_same_host(listen, &loopback));
}

const char *
addr_host(const struct addr *a, char *buf)
{
	buf[0] = '\0';
	if (is_ipv4(a))
		inet_ntop(AF_INET, &a->u.in.sin_addr, buf, ADDR_TEXT_MAX);
	else if (is_ipv6(a))
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, buf, ADDR_TEXT_MAX);
	else if (is_family(a, AF_UNIX) &&
	    a->len > offsetof(struct sockaddr_un, sun_path))
		snprintf(buf, ADDR_TEXT_MAX, "%.*s",
		    (int)(a->len - offsetof(struct sockaddr_un, sun_path)),
		    a->u.un.sun_path);
	return buf;
}
