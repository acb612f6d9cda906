/*
 * src/mail/spool.c and src/mail/spool_dir.c: files with and without a name.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/mail/spool.h"
#include "src/mail/spool_dir.h"

static char dir[] = "/tmp/clamsmtpd-unit.XXXXXX";
static bool no_tmpfile; /* a file system that has no such files */

/* The linker puts this in the place of open(2). */
int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);

int
__wrap_open(const char *path, int flags, mode_t mode)
{
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_open(path, flags, mode);
}

static bool
is_empty_dir(void)
{
	/* Only an empty one can be removed. */
	if (rmdir(dir) < 0)
		return false;
	return mkdir(dir, 0700) == 0;
}

static void
fill(struct spool *s, char c, size_t len)
{
	size_t room;

	while (len > 0) {
		char *out = spool_room(s, 2, &room);

		assert_non_null(out);
		room = room < len ? room : len;
		memset(out, c, room);
		spool_commit(s, room);
		len -= room;
	}
}

static void
check_content(const struct spool *s, char c, size_t len)
{
	char buf[4096];
	off_t at = 0;
	ssize_t n;

	assert_int_equal(spool_size(s), len);
	while ((n = spool_read(s, at, buf, sizeof buf)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buf[i], c);
		at += n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(at, len);
}

static ino_t
inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* One message of a thread after the other; the file is the same. */
static void *
messages_of_a_thread(void *last)
{
	const size_t sizes[] = {10, 3 * SPOOL_BLOCK_SIZE + 7, 0, 10};
	struct stat st;
	struct spool s;
	ino_t first = 0;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		assert_int_equal(spool_open(&s, dir, NULL, false), 0);
		assert_true(is_empty_dir());
		if (first == 0)
			first = inode(s.fd);
		assert_int_equal(inode(s.fd), first);
		assert_int_equal(fstat(s.fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		/* A large one has been given back to the disk. */
		assert_true(st.st_size <= SPOOL_KEPT_MAX);
		fill(&s, (char)('a' + i), sizes[i]);
		assert_int_equal(spool_finish(&s), 0);
		check_content(&s, (char)('a' + i), sizes[i]);
		*(int *)last = s.fd;
		spool_close(&s);
		spool_close(&s);
	}
	return NULL;
}

static void
a_thread_keeps_its_file(void **state)
{
	pthread_t thread;
	int fd = -1;

	(void)state;
	for (int i = 0; i < 2; i++) {
		no_tmpfile = i == 1;
		assert_int_equal(
		    pthread_create(&thread, NULL, messages_of_a_thread, &fd),
		    0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		/* Its end closes it. */
		assert_int_equal(fcntl(fd, F_GETFD), -1);
		assert_true(is_empty_dir());
	}
	no_tmpfile = false;
}

static void
two_at_once(void **state)
{
	struct spool a, b;

	(void)state;
	assert_int_equal(spool_open(&a, dir, NULL, false), 0);
	assert_int_equal(spool_open(&b, dir, NULL, false), 0);
	assert_int_not_equal(inode(a.fd), inode(b.fd));
	int fd = b.fd;
	spool_close(&a);
	spool_close(&b);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
a_file_that_could_not_be_written_is_not_kept(void **state)
{
	struct rlimit old, little;
	struct spool s;
	int fd;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	little = (struct rlimit){.rlim_cur = 100, .rlim_max = old.rlim_max};
	assert_int_equal(spool_open(&s, dir, NULL, false), 0);
	fd = s.fd;
	fill(&s, 'x', 1000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(spool_finish(&s), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	spool_close(&s);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
a_named_file(void **state)
{
	struct stat st;
	struct spool s;

	(void)state;
	assert_int_equal(spool_open(&s, dir, "Line: x\r\n", true), 0);
	assert_int_equal(strncmp(spool_path(&s), dir, strlen(dir)), 0);
	fill(&s, 'x', SPOOL_BLOCK_SIZE);
	assert_int_equal(spool_finish(&s), 0);
	assert_int_equal(stat(spool_path(&s), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_size, SPOOL_BLOCK_SIZE + 9);
	check_content(&s, 'x', SPOOL_BLOCK_SIZE);
	spool_close(&s);
	assert_true(is_empty_dir());
}

/* Who reads all of the file finds the prefix and this message alone. */
static void
a_file_that_is_shown(void **state)
{
	static const size_t sizes[] = {7000, 10, 0, SPOOL_BLOCK_SIZE * 2, 5};
	struct stat st;
	struct spool s;
	int fd = -1;

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		assert_int_equal(spool_open(&s, dir, "Line: x\r\n", false), 0);
		assert_true(fd < 0 || s.fd == fd);
		fd = s.fd;
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
		fill(&s, 'x', sizes[i]);
		assert_int_equal(spool_finish(&s), 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, sizes[i] + 9);
		/* Its reader may have moved the offset. */
		assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
		check_content(&s, 'x', sizes[i]);
		spool_close(&s);
	}
	assert_true(is_empty_dir());
}

static void
a_file_that_is_still_read(void **state)
{
	struct stat st;
	struct spool s;
	int reader, fd;

	(void)state;
	assert_int_equal(spool_open(&s, dir, "Line: x\r\n", false), 0);
	fd = s.fd;
	reader = dup(fd);
	fill(&s, 'x', SPOOL_BLOCK_SIZE * 2);
	assert_int_equal(spool_finish(&s), 0);
	spool_retire(&s);
	check_content(&s, 'x', SPOOL_BLOCK_SIZE * 2);
	spool_close(&s);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(fstat(reader, &st), 0);
	assert_int_equal(st.st_size, SPOOL_BLOCK_SIZE * 2 + 9);
	assert_int_equal(close(reader), 0);
}

static void
expect_left(const struct spool *s, bool whole, bool readable)
{
	assert_int_equal(spool_is_whole(s), whole);
	assert_int_equal(spool_is_readable(s), readable);
}

/* Short of one octet, without its name, or not to be read. */
static void
a_file_that_is_damaged(void **state)
{
	const size_t sizes[] = {10, 3 * SPOOL_BLOCK_SIZE + 7};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
		const size_t size = sizes[i / 2];
		struct spool s;
		int fd;

		assert_int_equal(spool_open(&s, dir, "Line: x\r\n", i % 2), 0);
		fill(&s, 'a', size);
		assert_int_equal(spool_finish(&s), 0);
		expect_left(&s, true, true);
		fd = s.fd;
		s.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		assert_true(s.fd >= 0);
		expect_left(&s, false, false);
		assert_int_equal(close(s.fd), 0);
		s.fd = fd;
		if (i % 2) {
			assert_int_equal(unlink(spool_path(&s)), 0);
			expect_left(&s, false, false);
		}
		assert_int_equal(ftruncate(s.fd, s.written - 1), 0);
		expect_left(&s, false, false);
		spool_retire(&s);
		spool_close(&s);
	}
}

/* Half a virus kept would be a message lost when the whole of it is dropped. */
static void
no_part_is_quarantined(void **state)
{
	struct strbuf path = {0};
	struct spool s;

	(void)state;
	assert_int_equal(spool_open(&s, dir, NULL, false), 0);
	fill(&s, 'v', 3 * SPOOL_BLOCK_SIZE);
	assert_int_equal(spool_finish(&s), 0);
	assert_int_equal(ftruncate(s.fd, 2 * SPOOL_BLOCK_SIZE), 0);
	errno = 0;
	assert_int_equal(spool_quarantine(&s, &path), -1);
	assert_int_equal(errno, EIO);
	assert_true(is_empty_dir());
	strbuf_free(&path);
	spool_retire(&s);
	spool_close(&s);
}

static void
no_directory(void **state)
{
	struct spool s;

	(void)state;
	assert_int_equal(spool_open(&s, "/nonexistent", NULL, false), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(
	    spool_open(&s, "/nonexistent", "Line: x\r\n", true), -1);
	assert_int_equal(errno, ENOENT);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    /* Before this thread has a file to keep. */
	    cmocka_unit_test(a_file_that_is_shown),
	    cmocka_unit_test(a_file_that_is_still_read),
	    cmocka_unit_test(a_file_that_is_damaged),
	    cmocka_unit_test(no_part_is_quarantined),
	    cmocka_unit_test(no_directory),
	    cmocka_unit_test(a_file_that_could_not_be_written_is_not_kept),
	    cmocka_unit_test(a_thread_keeps_its_file),
	    cmocka_unit_test(two_at_once),
	    cmocka_unit_test(a_named_file),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
