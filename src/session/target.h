/*
 * Where the mail goes: the option OutAddress, the client's own host (loopback:
 * OutAddress is only a port), or where a redirected client wanted to go
 * (TransparentProxy); and the guard against mail that would come back to us.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_TARGET_H
#define SRC_SESSION_TARGET_H

#include "common/addr.h"
#include "src/config/settings.h"

/* A connection of ours to a mail server, in the list of all. */
struct target_link {
	struct target_link *next;
	in_port_t port; /* its own */
	int fd;
};

/*
 * Find the mail server for the client at peer, which is connected by fd.  Looks
 * a name up, and may block as getaddrinfo(3) does.
 * Returns 0 with *target, or -1 after it was logged: a name that is not known,
 * no original destination, or a loop.
 *
 * A loop is what would come back to us: our own listening address, by whichever
 * of the host's addresses it is asked for, a connection of our own that somebody
 * has redirected to us, and for a redirected connection the client itself, as in
 * 1.10.  A server on this host is none, but takes us for
 * the client then, which is warned of once.
 */
int target_find(struct addr *target, const struct settings *set, int fd,
    const struct addr *peer);

/*
 * The mail server is connected by fd: add it to the list by which we know our
 * own connections; and take it off again.  A zeroed link may be taken off.
 */
void target_join(struct target_link *link, int fd);
void target_leave(struct target_link *link);

#endif
