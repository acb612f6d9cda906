/*
 * Lines on their way to who may be slow to take them: a bounded queue that one
 * thread empties, so nobody else ever waits.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_LOG_QUEUE_H
#define COMMON_LOG_QUEUE_H

#include <stddef.h>

#define LOG_QUEUE_MAX ((size_t)256 << 10) /* octets that wait at most */

/*
 * Whom the thread hands each line; may block.  Set before the first line is
 * put; called from one thread at a time.
 */
void log_queue_to(void (*take)(int priority, const char *line));

/*
 * Put a line of len octets (copied).  Never blocks.  One that finds no room is
 * lost; how many were is a line of its own, put in when lines flow again.
 */
void log_queue_put(int priority, const char *line, size_t len);

/* How many were lost, ever. */
unsigned long log_queue_lost(void);

/*
 * Start the thread, which takes no signals.  What was put before waited for it;
 * so it may be started after a fork.  Returns 0, or -1 with errno.
 */
int log_queue_start(void);

/*
 * Let the queue run empty and end the thread (which is started first if there
 * was none), within timeout_ms.  Lines that could not be handed over by then
 * are given up, and so is the thread.  Not for more than one thread.
 */
void log_queue_finish(int timeout_ms);

#endif
