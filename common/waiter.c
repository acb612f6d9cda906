/*
 * Waiting without an owner.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/waiter.h"

#include <errno.h>
#include <poll.h>

enum io
waiter_wait(struct waiter *waiter, int fd, short events, struct deadline d)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	if (waiter != NULL)
		return waiter->wait(waiter, fd, events, d);
	do
		n = poll(&p, 1, deadline_left_ms(d));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return IO_ERROR;
	return n == 0 ? IO_TIMEOUT : IO_OK;
}
