/*
 * The pid file: who holds it, and who removes it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char dir[64], path[80];

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clamsmtpd-pidfile.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/pid", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void
write_file(const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static void
expect_file(const char *want)
{
	char got[64] = "";
	int fd = open(path, O_RDONLY);

	assert_true(read(fd, got, sizeof got - 1) >= 0);
	(void)close(fd);
	assert_string_equal(got, want);
}

/* What a child of ours, which is another process, gets.  0, or errno. */
static int
open_in_child(void)
{
	struct pidfile p;
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(pidfile_open(&p, path) == 0 ? 0 : errno);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void
test_written_and_removed(void **state)
{
	struct pidfile p;
	char want[32];

	(void)state;
	write_file("99999999 and more than that\n");
	assert_int_equal(pidfile_open(&p, path), 0);
	snprintf(want, sizeof want, "%ld\n", (long)getpid());
	expect_file(want);
	assert_int_equal(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	assert_true(pidfile_close(&p));
	assert_int_equal(access(path, F_OK), -1);
	assert_false(pidfile_close(&p));
}

static void
test_held_by_another(void **state)
{
	struct pidfile p;

	(void)state;
	assert_int_equal(pidfile_open(&p, path), 0);
	assert_int_equal(open_in_child(), EWOULDBLOCK);
	/* Once it has gone from its place, the place is free. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(open_in_child(), 0);
	assert_false(pidfile_close(&p));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
}

static void
test_not_ours_any_more(void **state)
{
	struct pidfile p;

	(void)state;
	assert_int_equal(pidfile_open(&p, path), 0);
	write_file("1\n");
	assert_false(pidfile_close(&p));
	expect_file("1\n");
	assert_int_equal(unlink(path), 0);
}

static void
test_what_is_no_file_of_ours(void **state)
{
	struct pidfile p;
	char other[80];

	(void)state;
	snprintf(other, sizeof other, "%s/other", dir);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(pidfile_open(&p, path), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(unlink(path), 0);

	write_file("precious");
	assert_int_equal(link(path, other), 0);
	assert_int_equal(pidfile_open(&p, path), -1);
	assert_int_equal(errno, EPERM);
	expect_file("precious");
	assert_int_equal(unlink(path) | unlink(other), 0);

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pidfile_open(&p, path), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(pidfile_open(&p, "/tmp/clamsmtpd-none/pid"), -1);
	assert_int_equal(errno, ENOENT);
	assert_false(pidfile_close(&p));
}

#define ROUNDS 2000

/* Open and close again and again; false: refused for another reason than that
 * somebody holds the file. */
static bool
come_and_go(int rounds)
{
	struct pidfile p;
	bool got = false;

	for (int i = 0; i < rounds || !got; i++) {
		if (pidfile_open(&p, path) == 0) {
			got = true;
			if (!pidfile_close(&p))
				return false;
		} else if (errno != EWOULDBLOCK)
			return false;
	}
	return true;
}

static void
test_stop_and_start_together(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(come_and_go(2000) ? 0 : 1);
	assert_true(come_and_go(2000));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_written_and_removed),
	    cmocka_unit_test(test_held_by_another),
	    cmocka_unit_test(test_not_ours_any_more),
	    cmocka_unit_test(test_what_is_no_file_of_ours),
	    cmocka_unit_test(test_stop_and_start_together),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
