/*
 * A file that is replaced as a whole.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/replace.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char dir[] = "/tmp/clamsmtpd-replace.XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static size_t
count_files(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2; /* . and .. */
}

static void
expect_content(const char *path, const char *want)
{
	char got[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(got, 1, sizeof got - 1, f) > 0);
	fclose(f);
	assert_string_equal(got, want);
}

static void
replaces_it(void **state)
{
	struct stat made, now;

	(void)state;
	(void)umask(077);
	for (int i = 0; i < 2; i++) {
		const char *text = i == 0 ? "longer text\n" : "text\n";

		assert_int_equal(
		    replace_file(in_dir("x"), 0644, text, strlen(text), &made),
		    0);
		expect_content(in_dir("x"), text);
		assert_int_equal(stat(in_dir("x"), &now), 0);
		assert_int_equal(now.st_mode & 07777, 0644);
		assert_int_equal(now.st_ino, made.st_ino);
		assert_int_equal(count_files(), 1);
	}
	assert_int_equal(unlink(in_dir("x")), 0);
}

static void
leaves_nothing_when_it_fails(void **state)
{
	struct stat made;

	(void)state;
	assert_int_equal(mkdir(in_dir("d"), 0700), 0);
	assert_int_equal(replace_file(in_dir("d"), 0644, "x", 1, &made), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(count_files(), 1);
	assert_int_equal(
	    replace_file(in_dir("none/x"), 0644, "x", 1, &made), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(rmdir(in_dir("d")), 0);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(replace_file(in_dir("fifo"), 0644, "x", 1, &made), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(count_files(), 1);
	assert_int_equal(unlink(in_dir("fifo")), 0);
}

/* What somebody has laid where our file is made is not written through. */
static void
follows_no_link(void **state)
{
	struct stat made;
	char name[64], text[] = "mine\n";

	(void)state;
	assert_int_equal(
	    replace_file(in_dir("mine"), 0600, text, strlen(text), &made), 0);
	snprintf(name, sizeof name, "x.%ld.new", (long)getpid());
	assert_int_equal(symlink("mine", in_dir(name)), 0);
	assert_int_equal(replace_file(in_dir("x"), 0644, "x\n", 2, &made), 0);
	expect_content(in_dir("mine"), text);
	expect_content(in_dir("x"), "x\n");
	assert_int_equal(unlink(in_dir("mine")), 0);
	assert_int_equal(unlink(in_dir("x")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replaces_it),
	    cmocka_unit_test(leaves_nothing_when_it_fails),
	    cmocka_unit_test(follows_no_link),
	};
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(dir);
	return failed;
}
