/*
 * The thread that looks at clamds that are set aside.
 *
 * It sleeps at the pipe of clamds, whose other end is closed for the stop.
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
	const struct lookout *l = (const struct lookout *)self;
	/* Without an event asked for, the end is reported all the same. */
	struct pollfd p[2] = {
	    {.fd = fd, .events = events}, {.fd = l->clamds->wake[0]}};
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
take_rest(struct lookout *l)
{
	return wait_for(&l->waiter, -1, 0, deadline_in(SCAN_LOOK_MS)) ==
	    IO_TIMEOUT;
}

/* Returns whether there was one to look at. */
static bool
look_at_all(struct lookout *l)
{
	bool any = false;

	for (size_t i = 0; i < l->clamds->config->addresses.count; i++)
		if (clamds_is_set_aside(l->clamds, i)) {
			any = true;
			proof_look(l->clamds, i, &l->waiter);
		}
	return any;
}

/* Sleep until one has been set aside.  False: it is the stop. */
static bool
sleep_till_woken(const struct lookout *l)
{
	struct pollfd p = {.fd = l->clamds->wake[0], .events = POLLIN};
	char octets[64];

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return read(p.fd, octets, sizeof octets) > 0;
}

static void *
run(void *lookout)
{
	struct lookout *l = lookout;

	while (sleep_till_woken(l))
		while (take_rest(l) && look_at_all(l))
			;
	return NULL;
}

int
lookout_start(struct lookout *l, struct clamds *clamds)
{
	pthread_attr_t attr;
	int rc;

	l->waiter.wait = wait_for;
	l->clamds = clamds;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&l->thread, &attr, run, l);
	pthread_attr_destroy(&attr);
	errno = rc;
	return rc == 0 ? 0 : -1;
}

void
lookout_stop(struct lookout *l)
{
	(void)close(l->clamds->wake[1]);
	l->clamds->wake[1] = -1;
	(void)pthread_join(l->thread, NULL);
}
