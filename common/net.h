/*
 * Networks: who belongs to them.
 *
 *   192.0.2.0/24   by their first address and how many bits of it count
 *   2001:db8::/32
 *   192.0.2.1      a single address
 *   unix           whoever comes by the path of a local socket
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_NET_H
#define COMMON_NET_H

#include "common/addr.h"

#define NET_LIST_MAX 64 /* networks of one option */

struct net {
	struct addr first; /* AF_UNIX: any path */
	unsigned bits;
};

struct net_list { /* zeroed: empty */
	size_t count;
	struct net nets[NET_LIST_MAX];
};

/*
 * Understand text, all of it.  An IPv6 address may be in brackets.  Returns 0,
 * or -1 with EINVAL, or with EDOM when the address has more bits than count,
 * which is a mistake in one of the two.  Pure.
 */
int net_parse(struct net *n, const char *text);

/*
 * Is a, whatever its port, in the network?  Nobody without an address is.  An
 * unnamed socket is local too.
 */
bool net_contains(const struct net *n, const struct addr *a);
bool net_list_contains(const struct net_list *l, const struct addr *a);

/* Is a of this host's loopback net (127.0.0.0/8, ::1), or a local socket? */
bool net_is_local(const struct addr *a);

#endif
