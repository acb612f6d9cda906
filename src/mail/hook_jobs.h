/*
 * The virus actions that run: so many at once and no more, and each is heard of
 * when it has failed.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_HOOK_JOBS_H
#define SRC_MAIL_HOOK_JOBS_H

#include <stdbool.h>
#include <sys/types.h>

#define HOOK_JOBS_MAX 16 /* of the whole daemon */

/*
 * Let start begin one more, with context; it returns 0 with the process, or -1
 * with errno.  *job then tells it from others, and is never 0.  From the first
 * one on a thread waits for all children of this process, and logs an end that
 * is no success, once in a while.
 * Returns 0, or -1 with errno: EBUSY when HOOK_JOBS_MAX run already, or why it
 * could not be started.  Blocks as start does.
 */
int hook_jobs_start(
    int (*start)(void *context, pid_t *pid), void *context, unsigned long *job);

/* Does that one still run?  0 does not. */
bool hook_jobs_is_running(unsigned long job);

#endif
