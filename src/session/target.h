/*
 * Where the mail goes: the option OutAddress, the client's own host (loopback:
 * OutAddress is only a port), or where a redirected client wanted to go
 * (TransparentProxy); and the guard against mail that would come back to us.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_TARGET_H
#define SRC_SESSION_TARGET_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/deadline.h"
#include "src/config/settings.h"

/* A connection of ours to a mail server, in the list of all. */
struct target_link {
	struct target_link *next;
	in_port_t port; /* its own */
	int fd;
};

/* Where a session may go: one after the other.  Zeroed: nothing was tried. */
struct target {
	struct addr addr; /* of the one that target_next has found */
	const char *name; /* its OutAddress; NULL: the client's own choice */
	bool is_choice; /* one of several that the name has */
	/* private: which one is next, and until when one may be begun with */
	size_t spec, address, left;
	struct deadline until;
};

#define TARGET_CONNECT_MS 5000 /* to connect where another one is left */

/*
 * Find the next mail server for the client at peer, which is connected by fd:
 * all addresses of each OutAddress in order, as far as their names are known;
 * none after the option TimeOut has passed since the first.  Never waits.
 * Returns 0, or -1 when there is none.  What cannot be used is logged: a name
 * that is not known, no original destination, or a loop.
 *
 * A loop is what would come back to us: our own listening addresses, by whichever
 * of the host's addresses they are asked for, a connection of our own that
 * somebody has redirected to us, and for a redirected connection the client
 * itself, as in 1.10.  A server on this host is none, but takes us for the client
 * then, which is warned of once.
 */
int target_next(struct target *t, const struct settings *set, int fd,
    const struct addr *peer);

/* Begin with the first one again. */
void target_restart(struct target *t);

/* Is there one behind it that may be tried? */
bool target_has_more(const struct target *t, const struct settings *set);

/* For how long it may be connected to, in milliseconds. */
int target_connect_ms(const struct target *t, const struct settings *set);

/*
 * The mail server is connected by fd: add it to the list by which we know our
 * own connections; and take it off again.  A zeroed link may be taken off.
 */
void target_join(struct target_link *link, int fd);
void target_leave(struct target_link *link);

#endif
