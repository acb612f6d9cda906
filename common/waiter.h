/*
 * The one place where a thread waits for a descriptor: its owner decides what
 * else ends the wait (a stop, the other party gone).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_WAITER_H
#define COMMON_WAITER_H

#include "common/deadline.h"

/* How a wait, a read or a write ended. */
enum io {
	IO_OK,
	IO_EOF, /* the peer has closed its side */
	IO_TIMEOUT, /* the deadline passed */
	IO_CANCELLED, /* the waiter's owner ended it */
	IO_ERROR /* errno tells */
};

/*
 * Waits until fd has one of events (as poll(2); errors count as events) or the
 * deadline passes.  Returns IO_OK, IO_TIMEOUT, IO_CANCELLED or IO_ERROR.
 */
struct waiter {
	enum io (*wait)(
	    struct waiter *self, int fd, short events, struct deadline d);
};

/* waiter's wait, or poll(2) alone when waiter is NULL. */
enum io waiter_wait(
    struct waiter *waiter, int fd, short events, struct deadline d);

#endif
