/*
 * The user that the daemon becomes.  For the main thread, before others are
 * started.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_USER_H
#define COMMON_USER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct user {
	const char *name; /* borrowed from user_find's caller */
	uid_t uid;
	gid_t gid;
};

/*
 * Look up a user by name or number.
 * Returns 0, or -1 with ENOENT when there is none, or another errno.
 */
int user_find(const char *name, struct user *user);

/*
 * Become user for good: user and group in all their forms, and the user's own
 * supplementary groups alone; verified.
 * Returns 0, or -1 with errno (EPERM: root privileges are still there).
 */
int user_become(const struct user *user);

/* May the user do all of mode (as access(2): R_OK, W_OK, X_OK) by the mode bits
 * of what stat(2) found?  Looks the user's groups up. */
bool user_may(const struct user *user, const struct stat *st, int mode);

/* Are all of the process' user ids the user's? */
bool user_is(const struct user *user);

#endif
