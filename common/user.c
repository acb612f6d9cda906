/*
 * Users of the system, and becoming one.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/user.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <unistd.h>

#include "common/strutil.h"

int
user_find(const char *name, struct user *user)
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
	*user = (struct user){name, pw->pw_uid, pw->pw_gid};
	return 0;
}

/* Is every group we are in one that the user database gives the user? */
static bool
has_only_own_groups(const struct user *user, const char *name)
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

static bool
is_in_group(const struct user *user, gid_t gid)
{
	const struct passwd *pw = getpwuid(user->uid);
	gid_t groups[NGROUPS_MAX];
	int n = NGROUPS_MAX, i = 0;

	if (user->gid == gid)
		return true;
	if (pw == NULL || getgrouplist(pw->pw_name, user->gid, groups, &n) < 0)
		return false;
	while (i < n && groups[i] != gid)
		i++;
	return i < n;
}

bool
user_may(const struct user *user, const struct stat *st, int mode)
{
	mode_t bits = st->st_mode; /* of others */

	if (user->uid == 0)
		return true;
	if (st->st_uid == user->uid)
		bits >>= 6;
	else if (is_in_group(user, st->st_gid))
		bits >>= 3;
	return ((int)bits & mode) == mode;
}

bool
user_is(const struct user *user)
{
	uid_t r, e, s;

	return getresuid(&r, &e, &s) == 0 && r == user->uid && e == user->uid &&
	    s == user->uid;
}

static bool
is_wholly(const struct user *user)
{
	gid_t r, e, s;

	return user_is(user) && getresgid(&r, &e, &s) == 0 && r == user->gid &&
	    e == user->gid && s == user->gid;
}

int
user_become(const struct user *user)
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
