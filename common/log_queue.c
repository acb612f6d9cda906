/*
 * Lines on their way to who may be slow to take them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/log_queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define STACK_SIZE ((size_t)128 << 10) /* octets; syslog(3) needs some */

struct entry {
	struct entry *next;
	int priority;
	char line[];
};

/* All of it is under lock, but for take, which is set before any thread. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t filled; /* something is in it, or finishing is set */
	pthread_cond_t emptied; /* the thread has nothing to do any more */
	struct entry *first, **last;
	size_t octets;
	unsigned long lost; /* lines since this was told */
	unsigned long all_lost;
	bool waiting; /* the thread waits for filled */
	bool running, finishing, finished;
	pthread_t thread;
	void (*take)(int priority, const char *line);
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
    .filled = PTHREAD_COND_INITIALIZER};

void
log_queue_to(void (*take)(int priority, const char *line))
{
	queue.take = take;
}

/* Append, if there is room.  Called with the lock held. */
static bool
append(int priority, const char *line, size_t len)
{
	struct entry *e;

	if (queue.octets + len > LOG_QUEUE_MAX)
		return false;
	e = malloc(sizeof *e + len + 1);
	if (e == NULL)
		return false;
	e->next = NULL;
	e->priority = priority;
	memcpy(e->line, line, len);
	e->line[len] = '\0';
	if (queue.first == NULL)
		queue.last = &queue.first;
	*queue.last = e;
	queue.last = &e->next;
	queue.octets += sizeof *e + len;
	return true;
}

void
log_queue_put(int priority, const char *line, size_t len)
{
	bool wake = false;

	pthread_mutex_lock(&queue.lock);
	if (append(priority, line, len))
		wake = queue.waiting;
	else {
		queue.lost++;
		queue.all_lost++;
	}
	pthread_mutex_unlock(&queue.lock);
	if (wake)
		pthread_cond_signal(&queue.filled);
}

unsigned long
log_queue_lost(void)
{
	unsigned long n;

	pthread_mutex_lock(&queue.lock);
	n = queue.all_lost;
	pthread_mutex_unlock(&queue.lock);
	return n;
}

/* Hand the oldest line over.  Called and left with the lock held. */
static void
hand_over(void)
{
	struct entry *e = queue.first;

	queue.first = e->next;
	queue.octets -= sizeof *e + strlen(e->line);
	pthread_mutex_unlock(&queue.lock);
	queue.take(e->priority, e->line);
	free(e);
	pthread_mutex_lock(&queue.lock);
}

/* Called and left with the lock held. */
static void
tell_lost(void)
{
	char line[96];
	unsigned long lost = queue.lost;

	queue.lost = 0;
	pthread_mutex_unlock(&queue.lock);
	snprintf(line, sizeof line,
	    "%lu log lines were lost, since nobody took them", lost);
	queue.take(LOG_WARNING, line);
	pthread_mutex_lock(&queue.lock);
}

static void *
run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		if (queue.first != NULL)
			hand_over();
		else if (queue.lost > 0)
			tell_lost();
		else if (queue.finishing)
			break;
		else {
			queue.waiting = true;
			pthread_cond_wait(&queue.filled, &queue.lock);
			queue.waiting = false;
		}
	}
	queue.finished = true;
	pthread_cond_signal(&queue.emptied);
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

/* A thread that takes no signals. */
static int
create(void)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&queue.thread, &attr, run, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int
log_queue_start(void)
{
	pthread_condattr_t attr;

	if (queue.running)
		return 0;
	queue.finishing = queue.finished = false;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&queue.emptied, &attr);
	pthread_condattr_destroy(&attr);
	errno = create();
	queue.running = errno == 0;
	return queue.running ? 0 : -1;
}

/* Wait for the thread to have nothing to do; was it so in time? */
static bool
await_end(int timeout_ms)
{
	struct timespec until;
	int rc = 0;
	bool finished;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&queue.lock);
	queue.finishing = true;
	pthread_cond_signal(&queue.filled);
	while (!queue.finished && rc != ETIMEDOUT)
		rc =
		    pthread_cond_timedwait(&queue.emptied, &queue.lock, &until);
	finished = queue.finished;
	pthread_mutex_unlock(&queue.lock);
	return finished;
}

static bool
has_lines(void)
{
	bool any;

	pthread_mutex_lock(&queue.lock);
	any = queue.first != NULL;
	pthread_mutex_unlock(&queue.lock);
	return any;
}

void
log_queue_finish(int timeout_ms)
{
	if (!queue.running && !has_lines())
		return;
	if (log_queue_start() < 0)
		return;
	if (await_end(timeout_ms)) {
		pthread_join(queue.thread, NULL);
		queue.running = false;
	}
}
