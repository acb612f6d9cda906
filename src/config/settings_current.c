/*
 * Which settings are in force, and who still uses others.
 *
 * A version is held by the sessions that took it, by being the one in force, and
 * by younger ones that share its clamds.  Who lets go of it last frees it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings_current.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "src/scan/clamds.h"
#include "src/scan/lookout.h"

struct settings_version {
	struct settings set;
	bool owns_values; /* that set refers to */
	struct settings_version *origin; /* whose clamds it uses */
	struct clamds clamds; /* where origin is the version itself */
	struct lookout lookout;
	unsigned long holders;
};

/* A list of its own.  Returns 0, or -1 with errno. */
static int
open_clamds(struct settings_version *v)
{
	int saved;

	if (clamds_open(&v->clamds, &v->set.scan) < 0)
		return -1;
	if (lookout_start(&v->lookout, &v->clamds) == 0)
		return 0;
	saved = errno;
	clamds_close(&v->clamds);
	errno = saved;
	return -1;
}

/* Nobody holds v any more, and nobody can get at it. */
static void
version_free(struct settings_version *v)
{
	if (v->origin == v) {
		lookout_stop(&v->lookout);
		clamds_close(&v->clamds);
	}
	if (v->owns_values)
		settings_free(&v->set);
	free(v);
}

/* Where v, or nothing (NULL), stands among the lists, or NULL.  With the lock. */
static struct settings_version **
find_place(struct settings_current *c, const struct settings_version *v)
{
	for (size_t i = 0; i < SETTINGS_LISTS_MAX; i++)
		if (c->lists[i] == v)
			return &c->lists[i];
	return NULL;
}

/* One holder less.  True: it was the last one, and v is to be freed. */
static bool
let_go(struct settings_current *c, struct settings_version *v)
{
	bool was_last;

	pthread_mutex_lock(&c->lock);
	was_last = --v->holders == 0;
	if (was_last && v->origin == v)
		*find_place(c, v) = NULL;
	pthread_mutex_unlock(&c->lock);
	return was_last;
}

/* An origin has no other one, so this ends soon. */
static void
release(struct settings_current *c, struct settings_version *v)
{
	while (v != NULL && let_go(c, v)) {
		struct settings_version *origin = v->origin;

		version_free(v);
		v = origin == v ? NULL : origin;
	}
}

/* A list of its own for v, at place.  As open_clamds. */
static int
begin_list(struct settings_version *v, struct settings_version **place)
{
	v->origin = v;
	if (place == NULL) {
		errno = EBUSY;
		return -1;
	}
	if (open_clamds(v) < 0)
		return -1;
	*place = v;
	return 0;
}

/* The clamds of v: those of a version that has the same.  As open_clamds. */
static int
find_clamds(struct settings_current *c, struct settings_version *v)
{
	for (size_t i = 0; i < SETTINGS_LISTS_MAX; i++)
		if (c->lists[i] != NULL &&
		    addr_list_same(&c->lists[i]->set.scan.addresses,
			&v->set.scan.addresses)) {
			v->origin = c->lists[i];
			v->origin->holders++;
			return 0;
		}
	if (begin_list(v, find_place(c, NULL)) < 0)
		return -1;
	if (c->now != NULL)
		clamds_follow(&v->clamds, &c->now->origin->clamds);
	return 0;
}

/* Let v be in force.  Returns 0 with what was so, or -1 with errno. */
static int
put_in_force(struct settings_current *c, struct settings_version *v,
    struct settings_version **old)
{
	int rc, saved;

	pthread_mutex_lock(&c->lock);
	rc = find_clamds(c, v);
	saved = errno;
	if (rc == 0) {
		v->set.scan.clamds = &v->origin->clamds;
		v->holders++;
		*old = c->now;
		c->now = v;
	}
	pthread_mutex_unlock(&c->lock);
	errno = saved;
	return rc;
}

/* Returns 0, or -1 with errno. */
static int
replace(struct settings_current *c, const struct settings *set, bool owns)
{
	struct settings_version *v = calloc(1, sizeof *v), *old = NULL;
	int saved;

	if (v == NULL)
		return -1;
	v->set = *set;
	v->owns_values = owns;
	if (put_in_force(c, v, &old) < 0) {
		saved = errno;
		free(v);
		errno = saved;
		return -1;
	}
	release(c, old);
	return 0;
}

int
settings_current_open(struct settings_current *c, const struct settings *set)
{
	*c = (struct settings_current){.lock = PTHREAD_MUTEX_INITIALIZER};
	return replace(c, set, false);
}

void
settings_current_close(struct settings_current *c)
{
	release(c, c->now);
}

const struct settings *
settings_current_take(struct settings_current *c)
{
	struct settings_version *v;

	pthread_mutex_lock(&c->lock);
	v = c->now;
	v->holders++;
	pthread_mutex_unlock(&c->lock);
	return &v->set;
}

void
settings_current_give_back(
    struct settings_current *c, const struct settings *set)
{
	/* It is the first member. */
	release(c, (struct settings_version *)(uintptr_t)set);
}

int
settings_current_replace(struct settings_current *c, struct settings *set)
{
	return replace(c, set, true);
}
