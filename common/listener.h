/*
 * A listening socket: the address at which clients come in.
 *
 * At a path, daemons that start and stop at the same time never take each
 * other's place by mistake: the file of a socket is replaced only when nobody
 * accepts there and it is the daemon's user's, and removed only by the one whose
 * it still is.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include <sys/types.h>

#include "common/addr.h"

struct listener {
	int fd; /* -1: closed */
	/* private */
	struct addr addr;
	dev_t dev; /* of the socket's file, if addr is a path */
	ino_t ino;
};

/* How to listen; NULL stands for our own user and nothing else. */
struct listener_way {
	uid_t owner; /* whose file may be replaced */
	bool transparent; /* take what is led to us, where that is allowed */
};

/*
 * Listen on a; the descriptor is close-on-exec and non-blocking.  A path gets a
 * file with mode 0666: its directory decides who gets there.  IPv6 takes no
 * IPv4.  May block for a second while another daemon opens a socket in the same
 * directory.  The process's umask changes meanwhile: no other thread may create
 * files.
 * Returns 0, or -1 with errno (EADDRINUSE: somebody listens there; EEXIST: at
 * the path there is something else than a socket of the owner's).
 */
int listener_open(
    struct listener *l, const struct addr *a, const struct listener_way *way);

/*
 * Take over the socket fd, on which another process has begun to listen: it
 * becomes close-on-exec and non-blocking.  Its file, if it has one, stays when
 * it is closed.  Returns 0, or -1 with errno: ENOTSOCK, ESOCKTNOSUPPORT (no
 * stream), EINVAL (nobody listens) or EAFNOSUPPORT.
 */
int listener_adopt(struct listener *l, int fd);

/*
 * Make the file of the socket, if it has one, uid's and gid's.  Links are not
 * followed.  Returns 0, or -1 with errno (EPERM: the file is no longer ours).
 */
int listener_give(const struct listener *l, uid_t uid, gid_t gid);

/*
 * Take the next connection, or -1 with errno (EAGAIN: none waits).  Never
 * blocks.  *peer is who connected; the descriptor is close-on-exec,
 * non-blocking, and the caller's.
 */
int listener_accept(const struct listener *l, struct addr *peer);

/*
 * Remove the socket's file, if it has one that is still ours and we may, and
 * close.  May be called again.
 */
void listener_close(struct listener *l);

#endif
