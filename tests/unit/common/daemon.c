/*
 * What makes a process a daemon: standard descriptors, detaching, limits.
 *
 * Each test is a child, which tells by its exit status: 0 is good.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/daemon.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static int
status_of(int (*body)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(body());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
is_null(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat("/dev/null", &b) == 0 &&
	    a.st_rdev == b.st_rdev && S_ISCHR(a.st_mode);
}

static int
open_standard(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		(void)close(fd);
	daemon_open_standard();
	fd = open("/dev/null", O_RDONLY);
	return is_null(0) && is_null(1) && is_null(2) && fd > 2 ? 0 : 1;
}

static void
test_standard_descriptors(void **state)
{
	(void)state;
	assert_int_equal(status_of(open_standard), 0);
}

static int report[2];

/* The launcher never comes back from daemon_detach; what does is the daemon. */
static int
detach_well(void)
{
	char here[64] = "", word = 'x';

	if (daemon_detach() < 0)
		return 1;
	if (getsid(0) == getpid() && getcwd(here, sizeof here) != NULL &&
	    strcmp(here, "/") == 0 && !is_null(report[1]))
		word = 'd';
	daemon_ready();
	if (!is_null(0) || !is_null(1) || !is_null(2))
		word = 'n';
	daemon_ready();
	return write(report[1], &word, 1) == 1 ? 7 : 8;
}

static int
detach_and_fail(void)
{
	return daemon_detach() < 0 ? 1 : 42;
}

static void
test_detach(void **state)
{
	char word = 0;

	(void)state;
	assert_int_equal(pipe(report), 0);
	/* The launcher's status is 0, whatever becomes of the daemon. */
	assert_int_equal(status_of(detach_well), 0);
	assert_int_equal(read(report[0], &word, 1), 1);
	assert_int_equal(word, 'd');
	assert_int_equal(status_of(detach_and_fail), 42);
	(void)close(report[0]);
	(void)close(report[1]);
}

/* The hard limit is ours to lower, for good. */
static int
limits(void)
{
	struct rlimit r = {.rlim_cur = 40, .rlim_max = 60};
	unsigned long before;

	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		return 1;
	before = daemon_count_descriptors();
	if (before < 3 || dup(0) < 0 ||
	    daemon_count_descriptors() != before + 1)
		return 2;
	if (daemon_set_limits(30) != 30 || daemon_set_limits(50) != 50 ||
	    daemon_set_limits(60) != 60)
		return 3;
	/* Root may have more, unless that was taken from it. */
	before = daemon_set_limits(70);
	if (before != 60 && (before != 70 || geteuid() != 0))
		return 4;
	if (getrlimit(RLIMIT_CORE, &r) < 0 || r.rlim_cur != 0)
		return 5;
	return 0;
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(status_of(limits), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_standard_descriptors),
	    cmocka_unit_test(test_detach),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
