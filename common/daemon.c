/*
 * Detaching, user, pid file, limits.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/strutil.h"

/* Written by the main thread alone: the launcher's pipe, -1 without one. */
static int ready_fd = -1;

void
daemon_open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

/* Leave as the child says: by a word through the pipe, or by its end. */
static void __attribute__((noreturn)) await_child(pid_t child, int fd)
{
	char word;
	int status;
	ssize_t n;

	do
		n = read(fd, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(EXIT_SUCCESS);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			_exit(EXIT_FAILURE);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

int
daemon_detach(void)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	child = fork();
	if (child < 0) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return -1;
	}
	if (child > 0) {
		(void)close(fds[1]);
		await_child(child, fds[0]);
	}
	(void)close(fds[0]);
	ready_fd = fds[1];
	if (setsid() < 0 || chdir("/") < 0)
		return -1;
	return 0;
}

void
daemon_ready(void)
{
	int null;

	if (ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		(void)close(null);
	/* A launcher that was killed needs no word. */
	if (write(ready_fd, "r", 1) < 0)
		errno = 0;
	(void)close(ready_fd);
	ready_fd = -1;
}

int
daemon_find_user(const char *name, struct daemon_user *user)
{
	const struct passwd *pw;
	long uid;

	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL && *name != '\0' &&
	    str_number(name, 0, INT_MAX, &uid) == 0)
		pw = getpwuid((uid_t)uid);
	if (pw == NULL) {
		if (errno == 0)
			errno = ENOENT;
		return -1;
	}
	*user = (struct daemon_user){name, pw->pw_uid, pw->pw_gid};
	return 0;
}

/* Is every group we are in one that the user database gives the user? */
static bool
has_only_own_groups(const struct daemon_user *user, const char *name)
{
	gid_t ours[NGROUPS_MAX], theirs[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX, ours), n = NGROUPS_MAX;

	if (count < 0 || getgrouplist(name, user->gid, theirs, &n) < 0)
		return false;
	for (int i = 0; i < count; i++) {
		int j = 0;

		while (j < n && theirs[j] != ours[i])
			j++;
		if (j == n)
			return false;
	}
	return true;
}

bool
daemon_is(const struct daemon_user *user)
{
	uid_t r, e, s;

	return getresuid(&r, &e, &s) == 0 && r == user->uid && e == user->uid &&
	    s == user->uid;
}

static bool
is_wholly(const struct daemon_user *user)
{
	gid_t r, e, s;

	return daemon_is(user) && getresgid(&r, &e, &s) == 0 &&
	    r == user->gid && e == user->gid && s == user->gid;
}

int
daemon_become(const struct daemon_user *user)
{
	const struct passwd *pw = getpwuid(user->uid);

	if (pw == NULL || initgroups(pw->pw_name, user->gid) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -1;
	if (!is_wholly(user) || !has_only_own_groups(user, pw->pw_name) ||
	    user->uid == 0 || setuid(0) == 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

/* Does path still lead to the open file fd? */
static bool
leads_to(const char *path, int fd)
{
	struct stat a, b;

	return lstat(path, &a) == 0 && fstat(fd, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int
write_pid(int fd)
{
	char text[32];
	int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0)
		return -1;
	if (write(fd, text, (size_t)len) != len) {
		errno = ENOSPC;
		return -1;
	}
	return 0;
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

static int
lock(int fd)
{
	/* A lock that only those can hold who may write to the file. */
	if (lockf(fd, F_TLOCK, 0) == 0)
		return 0;
	if (errno == EACCES || errno == EAGAIN)
		errno = EWOULDBLOCK;
	return -1;
}

/* The locked file at path, or -1 with errno. */
static int
open_locked(const char *path)
{
	int fd, saved;

	for (int tries = 0; tries < 3; tries++) {
		fd = open(path,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    0644);
		if (fd < 0)
			return -1;
		if (!is_trusted(fd) || lock(fd) < 0)
			tries = 3;
		/* A daemon that ends may just have removed it. */
		else if (leads_to(path, fd))
			return fd;
		saved = errno;
		(void)close(fd);
		errno = saved;
	}
	return -1;
}

int
pidfile_open(struct pidfile *p, const char *path)
{
	int saved;

	*p = (struct pidfile){0};
	p->fd = open_locked(path);
	if (p->fd < 0)
		return -1;
	p->path = path;
	if (write_pid(p->fd) < 0) {
		saved = errno;
		pidfile_close(p);
		errno = saved;
		return -1;
	}
	return 0;
}

bool
pidfile_close(struct pidfile *p)
{
	bool removed;

	if (p->path == NULL)
		return false;
	removed = leads_to(p->path, p->fd) && unlink(p->path) == 0;
	(void)close(p->fd);
	*p = (struct pidfile){0};
	return removed;
}

void
daemon_prefer_throughput(void)
{
#ifdef SCHED_BATCH
	const struct sched_param none = {0};

	(void)sched_setscheduler(0, SCHED_BATCH, &none);
#endif
}

void
daemon_keep_secrets(void)
{
#ifdef PR_SET_DUMPABLE
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

unsigned long
daemon_set_limits(unsigned long n)
{
	struct rlimit r = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return n;
	if (r.rlim_cur >= n)
		return n;
	r.rlim_cur = n;
	if (r.rlim_max < n)
		r.rlim_max = n; /* root may */
	if (setrlimit(RLIMIT_NOFILE, &r) == 0)
		return n;
	(void)getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	return (unsigned long)r.rlim_cur;
}
