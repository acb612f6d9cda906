/*
 * The pid file.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 5 /* at a file that others remove */
#define PID_TEXT_MAX 32

/*
 * Does path still lead to the open file fd?  While it is being removed it does,
 * for a moment, without a link.
 */
static bool
leads_to(const char *path, int fd)
{
	struct stat a, b;

	return lstat(path, &a) == 0 && fstat(fd, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino && b.st_nlink > 0;
}

static int
write_pid(int fd)
{
	if (ftruncate(fd, 0) < 0)
		return -1;
	return dprintf(fd, "%ld\n", (long)getpid()) < 0 ? -1 : 0;
}

/* A program that knows no lock may have written its own id into the file. */
static bool
has_our_pid(int fd)
{
	char want[PID_TEXT_MAX], got[PID_TEXT_MAX];
	int len = snprintf(want, sizeof want, "%ld\n", (long)getpid());

	return pread(fd, got, sizeof got, 0) == len &&
	    memcmp(got, want, (size_t)len) == 0;
}

/* A file that nobody but us or root has made, and that is nothing else too. */
static bool
is_trusted(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    (st.st_uid == geteuid() || st.st_uid == 0))
		return true;
	errno = EPERM;
	return false;
}

/* Returns 0, or the error. */
static int
lock(int fd)
{
	if (!is_trusted(fd))
		return errno;
	/* A lock that only those can hold who may write to the file. */
	if (lockf(fd, F_TLOCK, 0) == 0)
		return 0;
	return errno == EACCES || errno == EAGAIN ? EWOULDBLOCK : errno;
}

/* The locked file at path, or -1 with errno. */
static int
open_locked(const char *path)
{
	int error = EWOULDBLOCK;

	/* A daemon that stops may just be removing it: then once more.  ENOENT
	 * is also what open(2) says when that comes between its steps. */
	for (int i = 0; i < TRIES; i++) {
		bool stands;
		int fd = open(path,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    0644);

		error = fd < 0 ? errno : lock(fd);
		if (error == ENOENT)
			continue;
		if (fd < 0)
			break;
		stands = leads_to(path, fd);
		if (stands && error == 0)
			return fd;
		(void)close(fd);
		if (stands)
			break;
		error = EWOULDBLOCK;
	}
	errno = error;
	return -1;
}

int
pidfile_open(struct pidfile *p, const char *path)
{
	int fd = open_locked(path), saved;

	*p = (struct pidfile){0};
	if (fd < 0)
		return -1;
	if (write_pid(fd) == 0) {
		*p = (struct pidfile){.path = path, .fd = fd};
		return 0;
	}
	saved = errno;
	(void)unlink(path);
	(void)close(fd);
	errno = saved;
	return -1;
}

bool
pidfile_close(struct pidfile *p)
{
	bool removed;

	if (p->path == NULL)
		return false;
	removed = leads_to(p->path, p->fd) && has_our_pid(p->fd) &&
	    unlink(p->path) == 0;
	(void)close(p->fd);
	*p = (struct pidfile){0};
	return removed;
}
