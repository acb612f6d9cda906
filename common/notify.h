/*
 * What the service manager is told.
 *
 * Source: sd_notify(3); no library is used.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

#include <stdbool.h>

/*
 * Read and remove NOTIFY_SOCKET from the environment, so that no program that we
 * start has it.  Called once, before any thread is started.
 */
void notify_open(void);

/* Does a service manager wait for a word?  Then we are not to detach. */
bool notify_is_wanted(void);

/*
 * Each is one datagram; a second at most is waited for a manager that is busy,
 * and what is lost is lost.  For any thread.  status is a few words for the
 * administrator.
 */
void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(const char *status);

/* The stop goes on, and takes up to ms more: the manager is to have patience. */
void notify_still_stopping(int ms, const char *status);

#endif
