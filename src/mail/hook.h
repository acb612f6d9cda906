/*
 * The program that is run when a virus was found (option VirusAction).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_HOOK_H
#define SRC_MAIL_HOOK_H

#include <stddef.h>

#include "common/waiter.h"

/* Octets of one variable; Linux lets none pass with 128 KiB (execve(2)). */
#define HOOK_VALUE_MAX ((size_t)120 * 1024)

#define HOOK_WAIT_MS 60000 /* for the turn of one */

/* What the program is told.  NULL or "" leaves a variable out. */
struct hook_facts {
	const char *client; /* CLIENT: who connected to us */
	const char *upstream; /* SERVER: where the mail was to go */
	const char *sender; /* SENDER */
	const char *recipients; /* RECIPIENTS, separated by LF */
	const char *virus; /* VIRUS */
	const char *tmpdir; /* TMPDIR */
	const char *email; /* EMAIL: the quarantined file */
	const char *remote; /* REMOTE: the first client, by XFORWARD */
	const char *remote_helo; /* REMOTE_HELO: its name */
};

/*
 * Start command by /bin/sh with these facts in its environment, added to our
 * own, and go on without waiting for it.  Its standard descriptors are
 * /dev/null, its signals as at login; an end that is no success is logged, once
 * in a while.
 *
 * *job is the caller's last one, zeroed at first: it must have ended before the
 * next, and so many of the whole daemon run at once and no more.  The turn is
 * waited for with waiter (may be NULL), for HOOK_WAIT_MS at most.
 * Returns 0, or -1 with errno (EBUSY: its turn did not come).  A value of more
 * than HOOK_VALUE_MAX octets is cut behind its last complete line, and that is
 * logged.
 */
int hook_run(const char *command, const struct hook_facts *facts,
    unsigned long *job, struct waiter *waiter);

#endif
