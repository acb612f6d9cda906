/*
 * Signals: which end the daemon, which are ignored, and how the listening
 * thread, the one that takes them, learns of a stop.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_SIGNALS_H
#define COMMON_SIGNALS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>

/*
 * Block what stops the daemon (SIGTERM, SIGINT, SIGQUIT), SIGHUP and SIGUSR1 in
 * this thread and in all that it starts; ignore what may come from outside and means nothing to
 * us, which by default would end the process.  Who starts children waits for them.
 * Called once, before any thread is started.
 */
void signals_prepare(void);

/* Has a stop been asked for?  It stays so.  For the listening thread. */
bool signals_stop(void);

/*
 * As ppoll(2) with n of p, and a stop ends it with EINTR.  timeout_ms:
 * -1 for ever; with 0 it only lets in a signal that waits.  For the thread that
 * called signals_prepare.
 */
int signals_poll(struct pollfd *p, nfds_t n, int timeout_ms);

/*
 * Wait for a SIGHUP, without a bound; what came since the last one counts.  For
 * the one thread that takes it, which pthread_kill(3) wakes as well.
 */
void signals_await_reload(void);

/*
 * Wait for a SIGUSR1, timeout_ms at most; what came since the last time counts.
 * Returns whether there was one.  For the one thread that takes it, which
 * pthread_kill(3) wakes as well.
 */
bool signals_await_report(int timeout_ms);

/*
 * The signals of which a program that we start must get the default back
 * (execve(2) keeps what is ignored).
 */
void signals_changed(sigset_t *set);

#endif
