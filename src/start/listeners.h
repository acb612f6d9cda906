/*
 * All listening sockets of the daemon.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_LISTENERS_H
#define SRC_START_LISTENERS_H

#include "common/listener.h"
#include "common/user.h"
#include "src/config/settings.h"

#define LISTENER_TEXT_MAX (ADDR_TEXT_MAX + sizeof "[]:65535")

struct listeners { /* zeroed: none */
	size_t count;
	struct listener at[ADDR_LIST_MAX];
	char text[ADDR_LIST_MAX]
		 [LISTENER_TEXT_MAX]; /* of those that were handed
							over */
};

/*
 * Listen at each set->listen_at.  user (NULL: who we are) becomes the owner of
 * sockets' files.  Returns 0, or -1 after an error was logged; then none is
 * open.
 */
int listeners_open(
    struct listeners *l, const struct settings *set, const struct user *user);

/*
 * Take the sockets of the service manager (common/handover) in place of Listen;
 * set->listens and listen_at say where they are.  Returns 0, or -1 after an
 * error was logged: one of them is none that we can listen on.
 */
int listeners_adopt(struct listeners *l, struct settings *set);

/* Close all, and remove their files.  May be called again. */
void listeners_close(struct listeners *l);

#endif
