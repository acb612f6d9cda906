/*
 * Kinds of lines that are written rarely.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/log_kinds.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

/* All kinds, under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_kind *kinds;
/* When a count is to be told, on deadline's clock, 0: never; read by all. */
static _Atomic int64_t next_due;

/* The next kind of which there is something to tell, if it is time; or NULL. */
static struct log_kind *
find_due(bool at_once, int64_t *next)
{
	struct log_kind *found = NULL;

	*next = 0;
	for (struct log_kind *k = kinds; k != NULL; k = k->next)
		if (k->more > 0 && found == NULL &&
		    (at_once || deadline_left_ms(k->until) == 0))
			found = k;
		else if (k->more > 0 && (*next == 0 || k->until.at_ms < *next))
			*next = k->until.at_ms;
	return found;
}

static bool
is_time(void)
{
	const struct deadline due = {atomic_load(&next_due)};

	return due.at_ms != 0 && deadline_left_ms(due) == 0;
}

bool
log_kinds_take_due(bool at_once, struct log_kind *told)
{
	struct log_kind *k;
	int64_t next;

	if (!at_once && !is_time())
		return false;
	pthread_mutex_lock(&lock);
	k = find_due(at_once, &next);
	if (k != NULL) {
		*told = *k;
		k->more = 0;
	} else
		atomic_store(&next_due, next);
	pthread_mutex_unlock(&lock);
	return k != NULL;
}

/* Count one more of the kind, of which a line was written lately. */
static void
add(struct log_kind *kind)
{
	const int64_t due = atomic_load(&next_due);

	kind->more++;
	if (due == 0 || kind->until.at_ms < due)
		atomic_store(&next_due, kind->until.at_ms);
}

bool
log_kinds_count(struct log_kind *kind, const char *text)
{
	bool counted;

	pthread_mutex_lock(&lock);
	if (!kind->known) {
		kind->known = true;
		kind->next = kinds;
		kinds = kind;
	}
	counted = kind->until.at_ms != 0 && deadline_left_ms(kind->until) > 0;
	if (counted)
		add(kind);
	else {
		kind->until = deadline_in(LOG_RARELY_MS);
		snprintf(kind->text, sizeof kind->text, "%s", text);
	}
	pthread_mutex_unlock(&lock);
	return counted;
}
