/*
 * The directory of temporary files: what is created, checked and cleaned.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/spool_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define LEFT "/clamsmtpd.aaaaaa"

static char dir[64];

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clamsmtpd-spool-dir.XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

/* The path of a file below dir; valid until the next call. */
static const char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s%s", dir, name);
	return path;
}

static void
leave(const char *name)
{
	int fd = open(in_dir(name), O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

/* What spool_dir_clean gives in a daemon that starts now. */
static int
clean_in_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(spool_dir_clean(dir) & 0xff);
	assert_int_equal(waitpid(child, &status, 0), child);
	return (signed char)WEXITSTATUS(status);
}

static void
test_check(void **state)
{
	(void)state;
	assert_int_equal(spool_dir_check(dir), SPOOL_DIR_GOOD);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(spool_dir_check(dir), SPOOL_DIR_SHARED);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(spool_dir_check(in_dir("/none")), SPOOL_DIR_BAD);
	assert_int_equal(errno, ENOENT);
	leave("/file");
	assert_int_equal(spool_dir_check(in_dir("/file")), SPOOL_DIR_BAD);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(unlink(in_dir("/file")), 0);
}

static void
test_what_is_left(void **state)
{
	static const char *const others[] = {"/clamsmtpd.aaaaa",
	    "/clamsmtpd.aaaaaaa", "/virus.aaaaaa", "/clamsmtpd.conf"};

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++)
		leave(others[i]);
	assert_int_equal(mkdir(in_dir("/clamsmtpd.dddddd"), 0700), 0);
	leave(LEFT);
	leave("/clamsmtpd.bbbbbb");
	assert_int_equal(clean_in_child(), 2);
	assert_int_equal(clean_in_child(), 0);
	assert_int_equal(access(in_dir(LEFT), F_OK), -1);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(unlink(in_dir(others[i])), 0);
	assert_int_equal(rmdir(in_dir("/clamsmtpd.dddddd")), 0);
}

/* Lock dir in a child for a while, or until it is killed (ms -1). */
static pid_t
lock_in_child(int how, int ms)
{
	int ready[2];
	pid_t child;
	char word;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int fd = open(dir, O_RDONLY | O_DIRECTORY);

		(void)flock(fd, how);
		(void)!write(ready[1], "x", 1);
		(void)alarm(60);
		if (ms < 0)
			(void)pause();
		(void)usleep((unsigned)ms * 1000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &word, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return child;
}

static void
test_a_directory_in_use(void **state)
{
	pid_t child = lock_in_child(LOCK_SH, -1);

	(void)state;
	leave(LEFT);
	assert_int_equal(clean_in_child(), -1);
	assert_int_equal(access(in_dir(LEFT), F_OK), 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(clean_in_child(), 1);
}

/* One that starts while another is cleaning must not be without a lock. */
static void
test_the_lock_is_waited_for(void **state)
{
	pid_t cleaner = lock_in_child(LOCK_EX, 200), child;
	int ready[2];
	char word;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		(void)spool_dir_clean(dir);
		(void)!write(ready[1], "x", 1);
		(void)alarm(60);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &word, 1), 1);
	assert_int_equal(waitpid(cleaner, NULL, 0), cleaner);
	leave(LEFT);
	assert_int_equal(clean_in_child(), -1);
	assert_int_equal(unlink(in_dir(LEFT)), 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void
test_take_and_keep(void **state)
{
	struct stat st;
	int fd = spool_dir_take(dir), other;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	other = spool_dir_take(dir);
	assert_true(other >= 0 && other != fd);
	spool_dir_keep(fd);
	spool_dir_keep(other); /* one is enough */
	assert_int_equal(fcntl(other, F_GETFD), -1);
	assert_int_equal(spool_dir_take(dir), fd);
	(void)close(fd);
	assert_int_equal(spool_dir_take(in_dir("/none")), -1);
	assert_int_equal(errno, ENOENT);
}

static void
test_create(void **state)
{
	struct strbuf path = {0};
	struct stat st;
	int fd = spool_dir_create(dir, "virus.", true, &path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(stat(strbuf_str(&path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(unlink(strbuf_str(&path)), 0);
	(void)close(fd);
	strbuf_free(&path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_what_is_left),
	    cmocka_unit_test(test_a_directory_in_use),
	    cmocka_unit_test(test_the_lock_is_waited_for),
	    cmocka_unit_test(test_take_and_keep),
	    cmocka_unit_test(test_create),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
