/*
 * The program that is run when a virus was found (option VirusAction).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_HOOK_H
#define SRC_MAIL_HOOK_H

#include <stddef.h>

/* Octets of one variable; Linux lets none pass with 128 KiB (execve(2)). */
#define HOOK_VALUE_MAX ((size_t)120 * 1024)

/* What the program is told.  NULL or "" leaves a variable out. */
struct hook_facts {
	const char *client; /* CLIENT: who connected to us */
	const char *server; /* SERVER: where the mail was to go */
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
 * own, and go on without waiting for it; the system reaps it.  Its standard
 * descriptors are /dev/null, its signals as at login.
 * Returns 0, or -1 with errno; a value of more than HOOK_VALUE_MAX octets is
 * cut behind its last complete line, and that is logged.
 */
int hook_run(const char *command, const struct hook_facts *facts);

#endif
