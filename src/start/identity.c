/*
 * Who the daemon is.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/identity.h"

#include <errno.h>
#include <unistd.h>

#include "common/log.h"

static int
check_user(struct identity *id, const struct settings *set)
{
	const char *where = settings_where(set, "User");

	id->changes = geteuid() == 0;
	if (id->changes && id->user.uid == 0) {
		errno = EPERM;
		log_error(
		    "unable to completely drop privileges: %m (%s: %s has "
		    "those of root; use a user that has none)",
		    where, set->user);
		return -1;
	}
	if (id->changes || user_is(&id->user))
		return 0;
	log_error("must be started as root to switch to user: %s (%s: start "
		  "it as root or as that user)",
	    set->user, where);
	return -1;
}

int
identity_choose(struct identity *id, const struct settings *set)
{
	*id = (struct identity){0};
	if (set->user == NULL) {
		if (geteuid() == 0)
			log_warn("running as root is NOT recommended");
		return 0;
	}
	if (user_find(set->user, &id->user) == 0)
		return check_user(id, set);
	log_error("couldn't look up user: %s (%s: use the name of a user of "
		  "this system)",
	    set->user, settings_where(set, "User"));
	return -1;
}

int
identity_become(const struct identity *id)
{
	const struct user *user = &id->user;

	if (!id->changes)
		return 0;
	if (user_become(user) < 0) {
		log_error("unable to completely drop privileges: %m");
		return -1;
	}
	log_debug("switched to user %s (uid %lu, gid %lu)", user->name,
	    (unsigned long)user->uid, (unsigned long)user->gid);
	return 0;
}
