/*
 * A listening socket: the address at which clients come in.
 *
 * At a path, daemons that start and stop at the same time never take each
 * other's place by mistake: the file of a socket is replaced only when nobody
 * listens there, and removed only by the one whose it still is.
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

/*
 * Listen on a; the descriptor is close-on-exec and non-blocking.  May block for
 * a second while another daemon opens a socket in the same directory.
 * Returns 0, or -1 with errno (EADDRINUSE: somebody listens there, or the path
 * is no socket's).
 */
int listener_open(struct listener *l, const struct addr *a);

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
