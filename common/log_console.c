/*
 * Standard error as a place for log lines.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/log_console.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Held from poll to write, so that what the one has said holds for the other:
 * a pipe that can be written to has room for PIPE_BUF octets (pipe(7)). */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock: lines since this was told, and ever. */
static unsigned long lost, all_lost;

static void
lose(void)
{
	lost++;
	all_lost++;
}

static bool
has_room(int timeout_ms)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	const struct timespec t = {
	    timeout_ms / 1000, timeout_ms % 1000 * 1000000L};

	return ppoll(&p, 1, &t, NULL) != 0;
}

/* A console that is gone is no reason to fail. */
static void
put(const char *line, size_t len)
{
	if (!has_room(0) || write(STDERR_FILENO, line, len) < 0)
		lose();
}

static void
tell_lost(const char *ident)
{
	char line[128];
	int n = snprintf(line, sizeof line,
	    "%s: %lu log lines were lost, since nobody took them\n", ident,
	    lost);

	lost = 0;
	put(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

void
log_console_write(const char *ident, const char *line, size_t len)
{
	pthread_mutex_lock(&lock);
	if (!has_room(lost > 0 ? 0 : LOG_CONSOLE_MS))
		lose();
	else {
		if (lost > 0)
			tell_lost(ident);
		put(line, len);
	}
	pthread_mutex_unlock(&lock);
}

unsigned long
log_console_lost(void)
{
	unsigned long n;

	pthread_mutex_lock(&lock);
	n = all_lost;
	pthread_mutex_unlock(&lock);
	return n;
}
