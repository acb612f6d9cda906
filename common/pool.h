/*
 * A pool of large buffers for bulk data, shared by all threads.
 *
 * A thread borrows buffers only while it has bulk data in hand, so thousands of
 * idle connections hold none; and buffers are used again, since giving memory
 * back to the system and getting it costs more than what is done in it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_POOL_H
#define COMMON_POOL_H

#define POOL_BUFFER_SIZE 65536 /* octets of a buffer */

/* Borrow a buffer of POOL_BUFFER_SIZE octets, or NULL with ENOMEM. */
char *pool_get(void);

/* Give a buffer (or NULL) back. */
void pool_put(char *buffer);

#endif
