/*
 * The threads that look at clamds that are set aside.
 *
 * Each sleeps until its clamd is; the other end of a pipe is closed for the stop.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/lookout.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "src/scan/proof.h"

#define STACK_SIZE ((size_t)256 << 10) /* octets; as a worker's */

/* A waiter that the stop ends. */
static enum io
wait_for(struct waiter *self, int fd, short events, struct deadline d)
{
	const struct lookout_one *l = (const struct lookout_one *)self;
	/* Without an event asked for, the end is reported all the same. */
	struct pollfd p[2] = {
	    {.fd = fd, .events = events}, {.fd = l->clamds->stop[0]}};
	int n;

	do
		n = poll(p, 2, deadline_left_ms(d));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return IO_ERROR;
	if (p[1].revents != 0)
		return IO_CANCELLED;
	return n == 0 ? IO_TIMEOUT : IO_OK;
}

static bool
take_rest(struct lookout_one *l)
{
	return wait_for(&l->waiter, -1, 0, deadline_in(SCAN_LOOK_MS)) ==
	    IO_TIMEOUT;
}

static void *
run(void *one)
{
	struct lookout_one *l = one;

	while (clamds_await_set_aside(l->clamds, l->i))
		if (take_rest(l) && clamds_is_set_aside(l->clamds, l->i))
			proof_look(l->clamds, l->i, &l->waiter);
	return NULL;
}

/* As lookout_start. */
static int
start_one(struct lookout_one *l, struct clamds *clamds, size_t i)
{
	pthread_attr_t attr;
	int rc;

	*l = (struct lookout_one){{wait_for}, clamds, i, 0};
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&l->thread, &attr, run, l);
	pthread_attr_destroy(&attr);
	errno = rc;
	return rc == 0 ? 0 : -1;
}

static void
stop(struct lookout *l, struct clamds *clamds)
{
	clamds_stop(clamds);
	while (l->count > 0)
		(void)pthread_join(l->each[--l->count].thread, NULL);
}

int
lookout_start(struct lookout *l, struct clamds *clamds)
{
	int saved;

	for (l->count = 0; l->count < clamds->config->addresses.count;
	     l->count++)
		if (start_one(&l->each[l->count], clamds, l->count) < 0) {
			saved = errno;
			stop(l, clamds);
			errno = saved;
			return -1;
		}
	return 0;
}

void
lookout_stop(struct lookout *l)
{
	if (l->count > 0)
		stop(l, l->each[0].clamds);
}
