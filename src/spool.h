/*
 * The temporary file with a message's content.
 *
 * The file's octets are: a scan-only line (when one was asked for), then the
 * content.  What fits into one block stays in memory too, so a small message
 * is never read back.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SPOOL_H
#define SRC_SPOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/pool.h"

#define SPOOL_BLOCK_SIZE POOL_BUFFER_SIZE /* octets of one write(2) */

struct spool {
	int fd; /* -1 while closed */
	const char *dir; /* borrowed */
	char path[PATH_MAX];
	char *block; /* the octets not yet written */
	size_t block_len;
	size_t prefix_len; /* octets of the scan-only line in the file */
	off_t written; /* octets in the file */
};

/*
 * Create the file in dir (borrowed until spool_close).  prefix is its scan-only
 * line, or NULL.  Only the owner may read it, or (with a prefix, as clamd is to
 * open it by its path) the group as well.
 * Returns 0, or -1 with errno; then there is nothing to close.
 */
int spool_open(struct spool *s, const char *dir, const char *prefix);

/*
 * Room for at least min (<= SPOOL_BLOCK_SIZE / 2) octets more, of *room octets:
 * write there, then call spool_commit.  A full block goes to the file.
 * Returns NULL with errno when that failed.
 */
char *spool_room(struct spool *s, size_t min, size_t *room);
void spool_commit(struct spool *s, size_t len);

/* Bring all into the file.  Returns 0, or -1 with errno. */
int spool_finish(struct spool *s);

/* Octets of content (without the scan-only line). */
off_t spool_size(const struct spool *s);

/*
 * The whole content in memory, or NULL when it is too large for that; borrowed
 * until spool_close.  After spool_finish only.
 */
char *spool_memory(const struct spool *s);

/*
 * Read content at offset (not behind its end) into buf, len octets or up to its
 * end, after spool_finish.  Returns the
 * octets, 0 at the end, or -1 with errno.
 */
ssize_t spool_read(const struct spool *s, off_t offset, char *buf, size_t len);

/*
 * Copy the content into a new file dir/virus.XXXXXX; its path goes to path
 * (PATH_MAX octets).  Returns 0, or -1 with errno and no file.
 */
int spool_quarantine(const struct spool *s, char *path);

/* Remove the file and close it.  May be called twice. */
void spool_close(struct spool *s);

/* How a directory for spools was found to be. */
enum spool_dir {
	SPOOL_DIR_GOOD,
	SPOOL_DIR_SHARED, /* good, but others may write to it */
	SPOOL_DIR_BAD /* errno tells */
};

/* Is dir a directory in which we can create files? */
enum spool_dir spool_check_dir(const char *dir);

/*
 * Remove files that a killed daemon has left in dir: ours by owner and name.
 * Does nothing while another daemon uses dir; keeps a lock on dir until the
 * process ends.  Returns how many were removed, or -1 with errno
 * (EWOULDBLOCK: another daemon is there).
 */
int spool_clean_dir(const char *dir);

#endif
