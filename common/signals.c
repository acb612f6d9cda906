/*
 * Signals.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/signals.h"

#include <stddef.h>
#include <time.h>

static const int stopping[] = {SIGTERM, SIGINT, SIGQUIT};

/* SIGIO is also SIGPOLL.  What a fault of ours raises is not among them, nor
 * what a terminal sends to suspend a process. */
static const int ignored[] = {
    SIGPIPE,
    SIGXFSZ,
    SIGUSR2,
    SIGALRM,
    SIGVTALRM,
    SIGPROF,
    SIGIO,
#ifdef SIGPWR
    SIGPWR,
#endif
#ifdef SIGSTKFLT
    SIGSTKFLT,
#endif
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Set by the handler, which runs in the listening thread alone: all others have
 * these signals blocked. */
static volatile sig_atomic_t stop_signal;

static void
on_stop(int signo)
{
	stop_signal = signo;
}

/* Each of both is taken by one thread, and blocked in all. */
static void
on_wanted(int signo)
{
	(void)signo;
}

void
signals_prepare(void)
{
	struct sigaction act = {.sa_handler = on_stop};
	sigset_t set;

	sigemptyset(&set);
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < COUNT(stopping); i++) {
		sigaddset(&set, stopping[i]);
		(void)sigaction(stopping[i], &act, NULL);
	}
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	act.sa_handler = on_wanted; /* who starts us may ignore them */
	(void)sigaction(SIGHUP, &act, NULL);
	(void)sigaction(SIGUSR1, &act, NULL);
	act.sa_handler = SIG_IGN;
	for (size_t i = 0; i < COUNT(ignored); i++)
		(void)sigaction(ignored[i], &act, NULL);
	act.sa_handler = SIG_DFL; /* as SIGHUP */
	(void)sigaction(SIGCHLD, &act, NULL);
}

bool
signals_stop(void)
{
	return stop_signal != 0;
}

int
signals_poll(struct pollfd *p, nfds_t n, int timeout_ms)
{
	struct timespec t = {.tv_sec = timeout_ms / 1000,
	    .tv_nsec = timeout_ms % 1000 * 1000000L};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGHUP);
	sigaddset(&blocked, SIGUSR1);
	return ppoll(p, n, timeout_ms < 0 ? NULL : &t, &blocked);
}

void
signals_await_reload(void)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	while (sigwait(&set, &signo) != 0)
		;
}

bool
signals_await_report(int timeout_ms)
{
	const struct timespec t = {.tv_sec = timeout_ms / 1000,
	    .tv_nsec = timeout_ms % 1000 * 1000000L};
	sigset_t blocked;

	(void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	sigdelset(&blocked, SIGUSR1);
	return ppoll(NULL, 0, &t, &blocked) < 0;
}

void
signals_changed(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < COUNT(ignored); i++)
		sigaddset(set, ignored[i]);
}
