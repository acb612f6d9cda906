/*
 * Addresses of sockets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

void
addr_set(struct addr *a, sa_family_t family, const void *number, in_port_t port)
{
	struct in6_addr host6;

	if (family == AF_INET6) {
		memcpy(&host6, number, sizeof host6);
		if (!IN6_IS_ADDR_V4MAPPED(&host6)) {
			*a = (struct addr){.len = sizeof a->u.in6};
			a->u.in6.sin6_family = AF_INET6;
			a->u.in6.sin6_addr = host6;
			a->u.in6.sin6_port = htons(port);
			return;
		}
		number = &host6.s6_addr[12];
	}
	*a = (struct addr){.len = sizeof a->u.in};
	a->u.in.sin_family = AF_INET;
	memcpy(&a->u.in.sin_addr, number, sizeof a->u.in.sin_addr);
	a->u.in.sin_port = htons(port);
}

int
addr_take(struct addr *a, const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof in);
		addr_set(a, AF_INET, &in.sin_addr, ntohs(in.sin_port));
		return 0;
	case AF_INET6:
		memcpy(&in6, sa, sizeof in6);
		addr_set(a, AF_INET6, &in6.sin6_addr, ntohs(in6.sin6_port));
		if (is_ipv6(a))
			a->u.in6.sin6_scope_id = in6.sin6_scope_id;
		return 0;
	default:
		*a = (struct addr){0};
		errno = EAFNOSUPPORT;
		return -1;
	}
}

void
addr_unmap(struct addr *a)
{
	const struct addr copy = *a;

	if (a->len >= sizeof a->u.in6 && a->u.sa.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		(void)addr_take(a, &copy.u.sa);
}

int
addr_parse_number(struct addr *a, const char *text, size_t len, in_port_t port)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr number;
	sa_family_t family;

	errno = EINVAL;
	if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	family = strchr(copy, ':') == NULL ? AF_INET : AF_INET6;
	if (inet_pton(family, copy, &number) != 1)
		return -1;
	addr_set(a, family, &number, port);
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
