/*
 * Detaching and limits.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOKED_AT_MAX 4096 /* descriptors; those below are given out first */

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

unsigned long
daemon_count_descriptors(void)
{
	struct rlimit r;
	unsigned long n = 0;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur > LOOKED_AT_MAX)
		r.rlim_cur = LOOKED_AT_MAX;
	for (int fd = 0; fd < (int)r.rlim_cur; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}
