/*
 * Sockets: made and connected; listener has those that are bound.  Every
 * descriptor is close-on-exec and non-blocking from birth, and internet sockets
 * send small segments at once (TCP_NODELAY).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_SOCK_H
#define COMMON_SOCK_H

#include "common/addr.h"
#include "common/waiter.h"

/* A new stream socket for a, neither bound nor connected; -1 with errno. */
int sock_new(const struct addr *a);

/* Close fd, which was no success.  Returns -1; errno stays. */
int sock_close_failed(int fd);

/*
 * Connect to a until the deadline d; a full queue of a local socket (EAGAIN)
 * is waited for.  Returns the descriptor, owned by the caller, or -1 with errno
 * (ETIMEDOUT: the deadline passed, ECANCELED: the waiter ended it).
 */
int sock_connect(
    const struct addr *a, struct waiter *waiter, struct deadline d);

/*
 * How much of what was sent the peer has still to take: a local one to read,
 * one on the network at least to receive.  In octets, roughly; 0 where that
 * cannot be told.  Source: unix(7) and tcp(7), SIOCOUTQ.
 */
int sock_queued(int fd);

/*
 * Send len octets over the local socket fd, and the descriptor passed with
 * them.  Never waits.  Returns 0, or -1 with errno (EMSGSIZE: not all went).
 * Source: unix(7), SCM_RIGHTS.
 */
int sock_pass(int fd, const char *data, size_t len, int passed);

/* The address fd is connected to.  Returns 0, or -1 with errno. */
int sock_peer(int fd, struct addr *peer);

/* The local address of fd; no address (len 0) when it cannot be told. */
void sock_local(int fd, struct addr *local);

#endif
