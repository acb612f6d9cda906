/*
 * Which settings are in force, and who still uses others.
 *
 * A session takes the settings at its beginning and keeps them to its end, while
 * a reload puts others in their place for those that come.  What is known of the
 * clamds goes with a list of addresses: settings with the same list share it.
 * Every function locks for itself.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_CONFIG_SETTINGS_CURRENT_H
#define SRC_CONFIG_SETTINGS_CURRENT_H

#include <pthread.h>

#include "src/config/settings.h"

/* Lists of clamds that are in use at once; each has a thread. */
#define SETTINGS_LISTS_MAX 4

struct settings_version;

struct settings_current {
	pthread_mutex_t lock; /* of all that follows, and of the versions */
	struct settings_version *now;
	struct settings_version *lists[SETTINGS_LISTS_MAX]; /* of clamds */
};

/*
 * Begin with set, whose values are borrowed until settings_current_close.  Starts
 * a thread.  Returns 0, or -1 with errno.
 */
int settings_current_open(
    struct settings_current *c, const struct settings *set);

/* No session uses any settings any more. */
void settings_current_close(struct settings_current *c);

/*
 * Take what is in force; settings_current_give_back must follow, and nothing of
 * it may be used then.
 */
const struct settings *settings_current_take(struct settings_current *c);
void settings_current_give_back(
    struct settings_current *c, const struct settings *set);

/*
 * Let *set, which has been checked, be in force.  Its values belong to c then;
 * what cannot change while the daemon runs refers to the first settings.
 * Returns 0, or -1 with errno and set still the caller's: no memory, descriptor
 * or thread, or EBUSY, when sessions use SETTINGS_LISTS_MAX lists of clamds.
 */
int settings_current_replace(struct settings_current *c, struct settings *set);

#endif
