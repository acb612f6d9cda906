/*
 * The temporary file with a message's content.
 *
 * The file begins with a scan-only line (when one was asked for), then comes the
 * content; behind it there may be octets of an earlier message.  What fits into
 * one block stays in memory too, so a small message is never read back.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_SPOOL_H
#define SRC_MAIL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/pool.h"
#include "common/strbuf.h"

#define SPOOL_BLOCK_SIZE POOL_BUFFER_SIZE /* octets written at once */
#define SPOOL_KEPT_MAX 8192 /* octets that a file may hold at rest */

struct spool {
	int fd; /* -1 while closed */
	bool failed; /* the file could not be written */
	bool retired; /* it serves no other message */
	const char *dir; /* borrowed */
	struct strbuf path; /* of a file that has a name */
	char *block; /* the octets not yet written */
	size_t block_len;
	size_t prefix_len; /* octets of the scan-only line */
	off_t written; /* octets of this message in the file */
};

/*
 * Open a file in dir (borrowed until spool_close).  prefix is its scan-only
 * line, or NULL when nobody else is to read the file.  A named one is new and of
 * mode 0640, as clamd is to open it by its path; another may have served before.
 * Returns 0, or -1 with errno; then there is nothing to close.
 */
int spool_open(
    struct spool *s, const char *dir, const char *prefix, bool named);

/* The path of the file, or of its directory if it has no name; borrowed. */
const char *spool_path(const struct spool *s);

/*
 * Room for at least min (<= SPOOL_BLOCK_SIZE / 2) octets more, of *room octets:
 * write there, then call spool_commit.  A full block goes to the file.
 * Returns NULL with errno when that failed.
 */
char *spool_room(struct spool *s, size_t min, size_t *room);
void spool_commit(struct spool *s, size_t len);

/*
 * Bring all into the file; where there is a prefix, nothing else is in it then.
 * Returns 0, or -1 with errno.
 */
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

/* After spool_finish: is the file still there, and as long as it was? */
bool spool_is_whole(const struct spool *s);

/*
 * Can all of the content be read?  What is not in memory is read for that.
 * After spool_finish; errno, or 0 where the file is shorter, says why not.
 */
bool spool_is_readable(const struct spool *s);

/*
 * Copy the content into a new file dir/virus.XXXXXX; its path becomes path.
 * Returns 0, or -1 with errno (EIO also where the file has become shorter) and
 * no file.
 */
int spool_quarantine(const struct spool *s, struct strbuf *path);

/*
 * Somebody who was shown the file may still read it: spool_close leaves it as it
 * is, and it never serves another message.
 */
void spool_retire(struct spool *s);

/* Give the file up: a named one is removed.  May be called twice. */
void spool_close(struct spool *s);

#endif
