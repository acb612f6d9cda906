/*
 * What is known of each clamd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamds.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

int
clamds_open(struct clamds *c, const struct scan_config *config)
{
	*c = (struct clamds){
	    .config = config,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .changed = PTHREAD_COND_INITIALIZER,
	};
	return pipe2(c->stop, O_CLOEXEC);
}

void
clamds_stop(struct clamds *c)
{
	pthread_mutex_lock(&c->lock);
	if (!c->stopped)
		(void)close(c->stop[1]);
	c->stopped = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void
clamds_close(struct clamds *c)
{
	clamds_stop(c);
	(void)close(c->stop[0]);
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
	for (int aside = 0; aside <= 1; aside++)
		for (size_t i = 0; i < count; i++)
			if (i != last && c->known[i].set_aside == (aside == 1))
				order[n++] = i;
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
clamds_await_set_aside(struct clamds *c, size_t i)
{
	bool stopped;

	pthread_mutex_lock(&c->lock);
	while (!c->stopped && !c->known[i].set_aside)
		pthread_cond_wait(&c->changed, &c->lock);
	stopped = c->stopped;
	pthread_mutex_unlock(&c->lock);
	return !stopped;
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
	if (is_new && aside)
		pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return is_new;
}

/* Let the i-th of c be as what was known of the same address. */
static void
follow(struct clamds *c, size_t i, struct clamds_known old)
{
	if (deadline_left_ms(old.no_files) > 0)
		c->known[i].no_files = old.no_files;
	if (old.set_aside)
		(void)set(c, i, true);
}

static struct clamds_known
get_known(struct clamds *c, size_t i)
{
	struct clamds_known k;

	pthread_mutex_lock(&c->lock);
	k = c->known[i];
	pthread_mutex_unlock(&c->lock);
	return k;
}

void
clamds_follow(struct clamds *c, struct clamds *old)
{
	for (size_t i = 0; i < c->config->addresses.count; i++)
		for (size_t j = 0; j < old->config->addresses.count; j++)
			if (strcmp(clamds_address(c, i)->text,
				clamds_address(old, j)->text) == 0)
				follow(c, i, get_known(old, j));
}

void
clamds_set_aside(struct clamds *c, size_t i, const char *why)
{
	if (!set(c, i, true))
		return;
	log_warn("clamd %s is set aside: %s", clamds_address(c, i)->text, why);
}

void
clamds_bring_back(struct clamds *c, size_t i)
{
	if (set(c, i, false))
		log_info("clamd %s is back", clamds_address(c, i)->text);
}

bool
clamds_takes_files(struct clamds *c, size_t i)
{
	const struct addr_spec *a = clamds_address(c, i);
	bool takes;

	if (a->kind != ADDR_FIXED || a->addr.u.sa.sa_family != AF_UNIX)
		return false;
	pthread_mutex_lock(&c->lock);
	takes = deadline_left_ms(c->known[i].no_files) == 0;
	pthread_mutex_unlock(&c->lock);
	return takes;
}

void
clamds_stop_files(struct clamds *c, size_t i)
{
	bool is_new;

	pthread_mutex_lock(&c->lock);
	is_new = deadline_left_ms(c->known[i].no_files) == 0;
	if (is_new)
		c->known[i].no_files = deadline_in(SCAN_STREAM_MS);
	pthread_mutex_unlock(&c->lock);
	if (is_new)
		log_warn("clamd %s did not get a descriptor: what it scans is "
			 "streamed for %d s",
		    clamds_address(c, i)->text, SCAN_STREAM_MS / 1000);
}

enum clamds_proof
clamds_begin_proof(
    struct clamds *c, size_t i, int64_t since_ms, bool has_waited)
{
	struct clamds_known *k = &c->known[i];
	enum clamds_proof is = CLAMDS_ASK;

	pthread_mutex_lock(&c->lock);
	if (k->proved && k->proof_ms > since_ms)
		is = CLAMDS_PROVED;
	else if (k->proving)
		is = CLAMDS_BEING_PROVED;
	else if (has_waited && k->proof_ms > since_ms)
		is = CLAMDS_DISPROVED;
	else
		k->proving = true;
	pthread_mutex_unlock(&c->lock);
	return is;
}

void
clamds_end_proof(struct clamds *c, size_t i, int64_t begun_ms, bool is_good)
{
	struct clamds_known *k = &c->known[i];

	pthread_mutex_lock(&c->lock);
	k->proving = false;
	if (begun_ms != 0) {
		k->proof_ms = begun_ms;
		k->proved = is_good;
	}
	pthread_mutex_unlock(&c->lock);
}
