/*
 * The directory of the temporary files, and what is opened in it.
 *
 * A file without a name cannot be opened by others, and is gone when the
 * process is.  A thread uses such a file for one message after the other: on
 * some file systems to create one costs more than all else that a small message
 * needs.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_SPOOL_DIR_H
#define SRC_MAIL_SPOOL_DIR_H

#include <stdbool.h>

#include "common/strbuf.h"

#define SPOOL_DIR_PREFIX "clamsmtpd." /* of the names of temporary files */

/*
 * Take a file of mode 0600 without a name: the one this thread keeps, which may
 * hold octets of another message, or a new one in dir.
 * Returns the descriptor, or -1 with errno: dir is missing, may not be written
 * to, or (a new one) has no room.
 */
int spool_dir_take(const char *dir);

/* Keep the file for this thread's next message; closed when the thread ends. */
void spool_dir_keep(int fd);

/*
 * Create a file dir/nameXXXXXX, for its owner alone or of mode 0640; its path
 * becomes path (also in a failure, such as it is).  Links are not followed
 * (mkstemp(3)).  Returns the descriptor, which is the caller's, or -1 with errno.
 */
int spool_dir_create(
    const char *dir, const char *name, bool for_group, struct strbuf *path);

/* How a directory for spools was found to be. */
enum spool_dir {
	SPOOL_DIR_GOOD,
	SPOOL_DIR_SHARED, /* good, but others may write to it */
	SPOOL_DIR_BAD /* errno tells */
};

/* Is dir a directory in which we can create files? */
enum spool_dir spool_dir_check(const char *dir);

/*
 * Remove files that a killed daemon has left in dir: ours by owner and name.
 * Does nothing while another daemon uses dir; keeps a lock on dir until the
 * process ends.  Returns how many were removed, or -1 with errno
 * (EWOULDBLOCK: another daemon is there).
 */
int spool_dir_clean(const char *dir);

#endif
