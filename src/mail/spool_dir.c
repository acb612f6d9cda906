/*
 * The directory of the temporary files.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/spool_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANDOM_PART "XXXXXX" /* mkstemp(3) */
#define GROUP_MODE 0640
#define LOCK_TRIES 50 /* to get our lock on the directory */
#define LOCK_PAUSE_MS 20 /* between two of them */

/* What a thread keeps: the descriptor of its file plus one; 0 for none. */
static pthread_key_t kept;
static pthread_once_t kept_once = PTHREAD_ONCE_INIT;
static bool kept_works; /* written once, before any thread reads it */

int
spool_dir_create(
    const char *dir, const char *name, bool for_group, struct strbuf *path)
{
	size_t len = strlen(dir);
	int fd, saved;

	strbuf_clear(path);
	strbuf_puts(path, dir);
	if (len > 0 && dir[len - 1] != '/')
		strbuf_puts(path, "/");
	strbuf_puts(path, name);
	strbuf_puts(path, RANDOM_PART);
	if (path->failed) {
		errno = ENOMEM;
		return -1;
	}
	fd = mkostemp(path->data, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (for_group && fchmod(fd, GROUP_MODE) < 0) {
		saved = errno;
		(void)unlink(path->data);
		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* Not every file system has files that never had a name. */
static int
create_unnamed(const char *dir)
{
	struct strbuf path = {0};
	int fd, saved;

#ifdef O_TMPFILE
	fd = open(dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
#endif
	fd = spool_dir_create(dir, SPOOL_DIR_PREFIX, false, &path);
	saved = errno;
	if (fd >= 0 && unlink(strbuf_str(&path)) < 0) {
		saved = errno;
		(void)close(fd);
		fd = -1;
	}
	strbuf_free(&path);
	errno = saved;
	return fd;
}

static void
close_kept(void *value)
{
	(void)close((int)(intptr_t)value - 1);
}

static void
make_kept(void)
{
	kept_works = pthread_key_create(&kept, close_kept) == 0;
}

int
spool_dir_take(const char *dir)
{
	intptr_t value = 0;

	(void)pthread_once(&kept_once, make_kept);
	if (kept_works)
		value = (intptr_t)pthread_getspecific(kept);
	if (value == 0)
		return create_unnamed(dir);
	/* A directory that has become useless is so for every thread. */
	if (access(dir, W_OK | X_OK) < 0)
		return -1;
	(void)pthread_setspecific(kept, NULL);
	return (int)value - 1;
}

void
spool_dir_keep(int fd)
{
	intptr_t value = (intptr_t)fd + 1;

	if (!kept_works || pthread_getspecific(kept) != NULL ||
	    pthread_setspecific(kept, (void *)value) != 0)
		(void)close(fd);
}

enum spool_dir
spool_dir_check(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return SPOOL_DIR_BAD;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return SPOOL_DIR_BAD;
	}
	if (access(dir, W_OK | X_OK) < 0)
		return SPOOL_DIR_BAD;
	return (st.st_mode & (S_IWOTH | S_IWGRP)) != 0 ? SPOOL_DIR_SHARED
						       : SPOOL_DIR_GOOD;
}

/* Is it a file that a daemon of our user has left? */
static bool
is_leftover(int dirfd, const char *name)
{
	const size_t stem = strlen(SPOOL_DIR_PREFIX);
	struct stat st;

	return strlen(name) == stem + strlen(RANDOM_PART) &&
	    strncmp(name, SPOOL_DIR_PREFIX, stem) == 0 &&
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

/*
 * From now on no other daemon takes our files for left ones.  One that cleans
 * at this moment is soon done.
 */
static int
keep_lock(int dirfd)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(dirfd, LOCK_SH | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			break;
		(void)poll(NULL, 0, LOCK_PAUSE_MS);
	}
	return -1;
}

int
spool_dir_clean(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), removed = -1;

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		removed = remove_leftovers(fd);
	/* fd stays open, and with it the lock, until the process ends. */
	return keep_lock(fd) < 0 ? -1 : removed;
}
