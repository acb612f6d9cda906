/*
 * Users: found by name and number, become for good.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void
test_find(void **state)
{
	const struct passwd *pw = getpwuid(0);
	char number[32];
	struct user u;

	(void)state;
	assert_non_null(pw);
	assert_int_equal(user_find(pw->pw_name, &u), 0);
	assert_int_equal(u.uid, 0);
	assert_int_equal(u.gid, pw->pw_gid);
	snprintf(number, sizeof number, "%lu", (unsigned long)pw->pw_uid);
	assert_int_equal(user_find(number, &u), 0);
	assert_int_equal(u.uid, 0);
	assert_ptr_equal(u.name, number);
}

static void
test_nobody_has_that_name(void **state)
{
	static const char *const names[] = {
	    "", "no-such-user", "1999999999", "-1", "0x0", "4294967296"};
	struct user u;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(user_find(names[i], &u), -1);
		assert_int_not_equal(errno, 0);
	}
}

static void
test_is(void **state)
{
	struct user u = {.uid = geteuid()};

	(void)state;
	assert_true(user_is(&u));
	u.uid++;
	assert_false(user_is(&u));
}

static void
test_may(void **state)
{
	const struct user u = {.uid = 12345, .gid = 23456}, root = {.uid = 0};
	struct stat st = {.st_mode = 0751};

	(void)state;
	assert_true(user_may(&u, &st, X_OK));
	assert_false(user_may(&u, &st, R_OK));
	st.st_gid = u.gid;
	assert_true(user_may(&u, &st, R_OK | X_OK));
	assert_false(user_may(&u, &st, W_OK | X_OK));
	st.st_uid = u.uid;
	assert_true(user_may(&u, &st, R_OK | W_OK | X_OK));
	st.st_mode = 0077; /* the owner counts as nobody else */
	assert_false(user_may(&u, &st, R_OK));
	assert_true(user_may(&root, &st, R_OK));
}

/* In a child, with root's groups; its exit status is 0 when all is right. */
static int
become(const struct user *u)
{
	const gid_t groups[] = {0, 4};
	gid_t left[64];
	uid_t r, e, s;
	int n;

	if (setgroups(2, groups) < 0 || user_become(u) < 0)
		return 1;
	if (getresuid(&r, &e, &s) < 0 || r != u->uid || e != u->uid ||
	    s != u->uid)
		return 2;
	n = getgroups(64, left);
	for (int i = 0; i < n; i++)
		if (left[i] == 0)
			return 3;
	return setuid(0) == 0 || !user_is(u) ? 4 : 0;
}

static void
test_become(void **state)
{
	struct user u;
	pid_t child;
	int status;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can become another user\n");
		skip();
	}
	assert_int_equal(user_find("nobody", &u), 0);
	child = fork();
	if (child == 0)
		_exit(become(&u));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* To stay root is not to become somebody. */
	assert_int_equal(user_find("0", &u), 0);
	child = fork();
	if (child == 0)
		_exit(user_become(&u) == -1 && errno == EPERM ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_nobody_has_that_name),
	    cmocka_unit_test(test_is),
	    cmocka_unit_test(test_may),
	    cmocka_unit_test(test_become),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
