/*
 * The shell, /bin/sh, which is given the administrator's command.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_SHELL_H
#define SRC_MAIL_SHELL_H

#include <sys/types.h>

/*
 * Start "sh -c command".  env is its whole environment; its standard
 * descriptors are /dev/null, its signals as at login.  Safe among threads.  The
 * caller waits for *pid.
 * Returns 0, or -1 with errno.
 */
int shell_start(pid_t *pid, const char *command, char *const *env);

/*
 * What is wrong with command, as far as it can be known without running it: the
 * shell cannot parse it, or its first word names no program.  Returns a phrase
 * for a message, NULL when nothing is known to be wrong.  Blocks while the shell
 * looks at it.  To be called as the user who runs it later, before any thread.
 */
const char *shell_fault(const char *command);

#endif
