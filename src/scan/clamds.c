/*
 * What is known of each clamd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamds.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"

int
clamds_open(struct clamds *c, const struct scan_config *config)
{
	*c = (struct clamds){
	    .config = config, .lock = PTHREAD_MUTEX_INITIALIZER};
	return pipe2(c->wake, O_CLOEXEC | O_NONBLOCK);
}

void
clamds_close(struct clamds *c)
{
	(void)close(c->wake[0]);
	if (c->wake[1] >= 0)
		(void)close(c->wake[1]);
}

const struct addr_spec *
clamds_address(const struct clamds *c, size_t i)
{
	return &c->config->addresses.spec[i];
}

size_t
clamds_order(struct clamds *c, size_t last, size_t order[ADDR_LIST_MAX])
{
	const size_t count = c->config->addresses.count;
	size_t n = 0;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < 2 * count; i++)
		if (i % count != last &&
		    c->known[i % count].set_aside == (i >= count))
			order[n++] = i % count;
	pthread_mutex_unlock(&c->lock);
	if (last != CLAMDS_NONE)
		order[n++] = last;
	return n;
}

bool
clamds_is_set_aside(struct clamds *c, size_t i)
{
	bool is;

	pthread_mutex_lock(&c->lock);
	is = c->known[i].set_aside;
	pthread_mutex_unlock(&c->lock);
	return is;
}

bool
clamds_are_all_set_aside(struct clamds *c)
{
	bool all = true;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->config->addresses.count; i++)
		all = all && c->known[i].set_aside;
	pthread_mutex_unlock(&c->lock);
	return all;
}

/* Returns whether that is new. */
static bool
set(struct clamds *c, size_t i, bool aside)
{
	bool is_new;

	pthread_mutex_lock(&c->lock);
	is_new = c->known[i].set_aside != aside;
	c->known[i].set_aside = aside;
	pthread_mutex_unlock(&c->lock);
	return is_new;
}

void
clamds_set_aside(struct clamds *c, size_t i, const char *why)
{
	if (!set(c, i, true))
		return;
	log_warn("clamd %s is set aside: %s", clamds_address(c, i)->text, why);
	/* A pipe that is full wakes as well. */
	if (write(c->wake[1], "", 1) < 0)
		return;
}

void
clamds_bring_back(struct clamds *c, size_t i)
{
	if (set(c, i, false))
		log_info("clamd %s is back", clamds_address(c, i)->text);
}

bool
clamds_begin_proof(struct clamds *c, size_t i)
{
	bool begins;

	pthread_mutex_lock(&c->lock);
	begins = !c->known[i].proving;
	c->known[i].proving = true;
	pthread_mutex_unlock(&c->lock);
	return begins;
}

void
clamds_end_proof(struct clamds *c, size_t i)
{
	pthread_mutex_lock(&c->lock);
	c->known[i].proving = false;
	pthread_mutex_unlock(&c->lock);
}
