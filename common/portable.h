/*
 * System calls that an old kernel does not know, that not every file can do, or
 * that the filter of a container denies (seccomp(2)): the same by others.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_PORTABLE_H
#define COMMON_PORTABLE_H

#include <sys/socket.h>
#include <sys/types.h>

/* As accept4(2) with SOCK_CLOEXEC and SOCK_NONBLOCK. */
int portable_accept(int listener, struct sockaddr *peer, socklen_t *len);

/*
 * As sendfile(2) to a socket, without SIGPIPE.  -1 with ENOMEM when there is no
 * memory to do it by hand.
 */
ssize_t portable_sendfile(int to, int from, off_t *offset, size_t len);

#endif
