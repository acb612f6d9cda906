/*
 * The pid file: it says which process is the daemon that takes new clients.
 *
 * For the main thread.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_PIDFILE_H
#define COMMON_PIDFILE_H

#include <stdbool.h>

struct pidfile {
	const char *path; /* NULL: none */
	int fd;
};

/*
 * Write the process id into path and lock the file.  A link in the place of the
 * file is not followed.  path is borrowed until pidfile_close.
 * Returns 0, or -1 with errno (EWOULDBLOCK: another process holds the file,
 * EPERM: it is no file that only we or root could have made).
 */
int pidfile_open(struct pidfile *p, const char *path);

/*
 * Remove the file if it is still ours, with our process id in it, and close it.
 * True if it was removed.  May be called on a zeroed struct, and again.
 */
bool pidfile_close(struct pidfile *p);

#endif
