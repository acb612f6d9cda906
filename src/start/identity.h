/*
 * Who the daemon is: the option User.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_IDENTITY_H
#define SRC_START_IDENTITY_H

#include "common/user.h"
#include "src/config/settings.h"

struct identity {
	bool changes; /* root becomes user */
	struct user user; /* its name is borrowed from the settings */
};

/*
 * Find out who we are to be: root becomes the user, and the user himself may
 * start the daemon.  Returns 0, or -1 after it was logged.
 */
int identity_choose(struct identity *id, const struct settings *set);

/* Become the user, for good.  Returns 0, or -1 after it was logged. */
int identity_become(const struct identity *id);

#endif
