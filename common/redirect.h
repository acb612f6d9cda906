/*
 * Connections that the packet filter has led to us.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_REDIRECT_H
#define COMMON_REDIRECT_H

#include "common/addr.h"

/*
 * Where the client of the connection fd wanted to go: what the packet filter
 * remembers of a connection that it has changed (REDIRECT of Linux, rdr of pf), or
 * else our own side's address, which it has left alone (TPROXY, divert-to of pf,
 * fwd of ipfw).  A connection that was not led to us has the address of our
 * listener, then.  pf is asked where the system has its header; on anything but
 * Linux this was never run.
 * Returns 0, or -1 with errno (EAFNOSUPPORT: it came to a path).
 * Source: netfilter's SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST; the kernel's
 * Documentation/networking/tproxy.rst; pf(4), DIOCNATLOOK; ipfw(8), fwd.
 */
int redirect_destination(int fd, struct addr *destination);

/*
 * Let the socket fd, which is to be bound to a, take connections to addresses
 * that are not this host's (TPROXY).  Returns 0, also where the system needs no
 * such thing, or -1 with errno (EPERM: that needs CAP_NET_ADMIN or CAP_NET_RAW).
 * Source: ip(7), IP_TRANSPARENT.
 */
int redirect_allow(int fd, const struct addr *a);

#endif
