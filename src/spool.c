/*
 * The temporary file with a message's content (floor 2).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/pool.h"

#define SPOOL_NAME "clamsmtpd."
#define QUARANTINE_NAME "virus."
#define RANDOM_PART "XXXXXX" /* mkstemp(3) */
#define GROUP_MODE 0640

/*
 * A new file dir/name.XXXXXX, for its owner alone or for the group as well; its
 * path goes to path.  The descriptor, or -1 with errno.
 */
static int
create(const char *dir, const char *name, bool for_group, char *path)
{
	int n = snprintf(path, PATH_MAX, "%s/%s" RANDOM_PART, dir, name);
	int fd, saved;

	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (for_group && fchmod(fd, GROUP_MODE) < 0) {
		saved = errno;
		(void)unlink(path);
		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int
spool_open(struct spool *s, const char *dir, const char *prefix)
{
	*s = (struct spool){.fd = -1, .dir = dir};
	s->block = pool_get();
	if (s->block == NULL)
		return -1;
	s->fd = create(dir, SPOOL_NAME, prefix != NULL, s->path);
	if (s->fd < 0) {
		pool_put(s->block);
		s->block = NULL;
		return -1;
	}
	if (prefix != NULL) {
		s->prefix_len = strlen(prefix);
		memcpy(s->block, prefix, s->prefix_len);
		s->block_len = s->prefix_len;
	}
	return 0;
}

static int
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

char *
spool_room(struct spool *s, size_t min, size_t *room)
{
	if (SPOOL_BLOCK_SIZE - s->block_len < min) {
		if (write_all(s->fd, s->block, s->block_len) < 0)
			return NULL;
		s->written += (off_t)s->block_len;
		s->block_len = 0;
	}
	*room = SPOOL_BLOCK_SIZE - s->block_len;
	return s->block + s->block_len;
}

void
spool_commit(struct spool *s, size_t len)
{
	s->block_len += len;
}

int
spool_finish(struct spool *s)
{
	if (write_all(s->fd, s->block, s->block_len) < 0)
		return -1;
	s->written += (off_t)s->block_len;
	return 0;
}

off_t
spool_size(const struct spool *s)
{
	return s->written - (off_t)s->prefix_len;
}

char *
spool_memory(const struct spool *s)
{
	if (s->written != (off_t)s->block_len)
		return NULL;
	return s->block + s->prefix_len;
}

ssize_t
spool_read(const struct spool *s, off_t offset, char *buf, size_t len)
{
	const char *memory = spool_memory(s);
	off_t left = spool_size(s) - offset;
	ssize_t n;

	if (left < (off_t)len)
		len = (size_t)left;
	if (memory != NULL) {
		memcpy(buf, memory + offset, len);
		return (ssize_t)len;
	}
	do
		n = pread(s->fd, buf, len, offset + (off_t)s->prefix_len);
	while (n < 0 && errno == EINTR);
	return n;
}

static int
copy_content(const struct spool *s, int fd, char *buf)
{
	off_t offset = 0;
	ssize_t n;

	while ((n = spool_read(s, offset, buf, SPOOL_BLOCK_SIZE)) > 0) {
		if (write_all(fd, buf, (size_t)n) < 0)
			return -1;
		offset += n;
	}
	return (int)n;
}

int
spool_quarantine(const struct spool *s, char *path)
{
	char *buf = pool_get();
	int fd = -1, rc = -1, saved;

	if (buf != NULL)
		fd = create(s->dir, QUARANTINE_NAME, true, path);
	if (fd >= 0)
		rc = copy_content(s, fd, buf);
	saved = errno;
	if (fd >= 0 && close(fd) < 0 && rc == 0) {
		saved = errno;
		rc = -1;
	}
	if (fd >= 0 && rc < 0)
		(void)unlink(path);
	pool_put(buf);
	errno = saved;
	return rc;
}

void
spool_close(struct spool *s)
{
	if (s->block == NULL)
		return;
	(void)unlink(s->path);
	(void)close(s->fd);
	pool_put(s->block);
	s->block = NULL;
	s->fd = -1;
}

enum spool_dir
spool_check_dir(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return SPOOL_DIR_BAD;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return SPOOL_DIR_BAD;
	}
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
		return SPOOL_DIR_BAD;
	return (st.st_mode & S_IWOTH) != 0 ? SPOOL_DIR_SHARED : SPOOL_DIR_GOOD;
}

/* Is it a file that a daemon of our user has left? */
static bool
is_leftover(int dirfd, const char *name)
{
	const size_t stem = strlen(SPOOL_NAME);
	struct stat st;

	return strlen(name) == stem + strlen(RANDOM_PART) &&
	    strncmp(name, SPOOL_NAME, stem) == 0 &&
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

/* Remove what is left; the directory's lock is ours alone. */
static int
remove_leftovers(int dirfd)
{
	int copy = dup(dirfd), removed = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (d == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return -1;
	}
	/* The one thread there is: readdir(3) has no rival. */
	while ((entry = readdir(d)) != NULL)
		if (is_leftover(dirfd, entry->d_name) &&
		    unlinkat(dirfd, entry->d_name, 0) == 0)
			removed++;
	(void)closedir(d);
	return removed;
}

int
spool_clean_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), removed = -1;

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		removed = remove_leftovers(fd);
	/* From now on no other daemon takes our files for left ones.  fd stays
	 * open, and with it the lock, until the process ends. */
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		removed = -1;
	return removed;
}
