/*
 * The threads and their registry.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/deadline.h"
#include "common/log.h"

#define STACK_SIZE                                                             \
	((size_t)256 << 10) /* octets; a look-up of names needs most */
#define RESTING_MAX 256 /* threads that rest; another one ends at once */
#define REST_S 10 /* seconds a thread waits for its next connection */

struct worker {
	struct worker *next; /* in resting or finished */
	pthread_t thread;
	pthread_cond_t called;
	struct workers *all;
	struct workers_client client;
	bool has_client;
};

static void
unlink_worker(struct worker **list, struct worker *w)
{
	while (*list != w)
		list = &(*list)->next;
	*list = w->next;
}

/*
 * Wait for a connection as a resting thread; false when there was none for
 * REST_S seconds, or the daemon stops.  Called and left with the lock held.
 */
static bool
rest(struct workers *all, struct worker *w)
{
	struct timespec until;
	int rc = 0;

	if (all->resting_count == RESTING_MAX)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += REST_S;
	w->next = all->resting;
	all->resting = w;
	all->resting_count++;
	while (!w->has_client && !all->stopping && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&w->called, &all->lock, &until);
	if (w->has_client)
		return true;
	unlink_worker(&all->resting, w);
	all->resting_count--;
	return false;
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	struct workers *all = w->all;

	pthread_mutex_lock(&all->lock);
	while (w->has_client || rest(all, w)) {
		pthread_mutex_unlock(&all->lock);
		all->handle(&w->client, all->context);
		pthread_mutex_lock(&all->lock);
		w->has_client = false;
		all->clients--;
	}
	w->next = all->finished;
	all->finished = w;
	pthread_cond_signal(&all->ended);
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

static void
worker_free(struct worker *w)
{
	pthread_cond_destroy(&w->called);
	free(w);
}

/*
 * Join ended threads, at most n of them.  Called and left with the lock held,
 * which is given up meanwhile.
 */
static void
join_finished(struct workers *all, unsigned n)
{
	for (; n > 0 && all->finished != NULL; n--) {
		struct worker *w = all->finished;

		all->finished = w->next;
		all->count--;
		/* It has only to leave the lock and return. */
		pthread_mutex_unlock(&all->lock);
		log_debug("cleaning up completed thread");
		pthread_join(w->thread, NULL);
		worker_free(w);
		pthread_mutex_lock(&all->lock);
	}
}

static void
cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static struct worker *
worker_new(struct workers *all)
{
	struct worker *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	cond_init(&w->called);
	w->all = all;
	return w;
}

/* A new thread for a connection.  0, or -1 with errno. */
static int
start_worker(struct workers *all, const struct workers_client *client)
{
	struct worker *w = worker_new(all);
	pthread_attr_t attr;
	int rc;

	if (w == NULL)
		return -1;
	w->client = *client;
	w->has_client = true;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&w->thread, &attr, run, w);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		worker_free(w);
		errno = rc;
		return -1;
	}
	all->count++;
	log_debug("created thread for connection");
	return 0;
}

/*
 * Find a thread for the connection: a resting one, which is left to be called
 * without the lock, or else a new one.  Called and left with the lock held.
 */
static enum workers_answer
serve(struct workers *all, const struct workers_client *client,
    struct worker **to_call)
{
	struct worker *w = all->resting;

	if (all->clients >= all->max)
		return WORKERS_BUSY;
	if (w != NULL) {
		all->resting = w->next;
		all->resting_count--;
		w->client = *client;
		w->has_client = true;
	} else if (start_worker(all, client) < 0)
		return WORKERS_NO_THREAD;
	*to_call = w;
	all->clients++;
	all->number++;
	return WORKERS_TAKEN;
}

enum workers_answer
workers_give(struct workers *all, int fd, const struct addr *peer)
{
	struct workers_client client = {
	    .fd = fd,
	    .peer = *peer,
	    .number = all->number,
	    .stop_fd = all->stop_pipe[0],
	};
	struct worker *to_call = NULL;
	enum workers_answer answer;

	pthread_mutex_lock(&all->lock);
	/* Each connection makes one thread at most, so these become fewer; and
	 * an ending thread still has what its thread's keys hold. */
	join_finished(all, all->count < all->max ? 2 : UINT_MAX);
	answer = serve(all, &client, &to_call);
	pthread_mutex_unlock(&all->lock);
	/* It cannot have gone: it has a connection. */
	if (to_call != NULL)
		pthread_cond_signal(&to_call->called);
	return answer;
}

int
workers_init(struct workers *all, int max,
    void (*handle)(struct workers_client *client, void *context), void *context)
{
	*all =
	    (struct workers){.max = max, .handle = handle, .context = context};
	if (pipe2(all->stop_pipe, O_CLOEXEC) < 0)
		return -1;
	pthread_mutex_init(&all->lock, NULL);
	cond_init(&all->ended);
	return 0;
}

void
workers_set_max(struct workers *all, int max)
{
	pthread_mutex_lock(&all->lock);
	all->max = max;
	pthread_mutex_unlock(&all->lock);
}

int
workers_max(struct workers *all)
{
	int max;

	pthread_mutex_lock(&all->lock);
	max = all->max;
	pthread_mutex_unlock(&all->lock);
	return max;
}

/* Until a thread has ended or it is time to tell, which was due.  With the lock. */
static void
await_end(struct workers *all, void (*tell)(int clients), struct deadline *due)
{
	struct timespec until;

	if (deadline_left_ms(*due) == 0) {
		*due = deadline_in(WORKERS_TELL_MS);
		if (tell != NULL && all->clients > 0)
			tell(all->clients);
	}
	until.tv_sec = (time_t)(due->at_ms / 1000);
	until.tv_nsec = (long)(due->at_ms % 1000) * 1000000;
	(void)pthread_cond_timedwait(&all->ended, &all->lock, &until);
}

void
workers_stop(struct workers *all, void (*tell)(int clients))
{
	struct deadline due = deadline_in(0);

	pthread_mutex_lock(&all->lock);
	all->stopping = true;
	/* All pollers of the read end see its end at once. */
	(void)close(all->stop_pipe[1]);
	for (struct worker *w = all->resting; w != NULL; w = w->next)
		pthread_cond_signal(&w->called);
	for (;;) {
		join_finished(all, UINT_MAX);
		if (all->count == 0)
			break;
		if (all->finished == NULL)
			await_end(all, tell, &due);
	}
	pthread_mutex_unlock(&all->lock);
	(void)close(all->stop_pipe[0]);
	pthread_cond_destroy(&all->ended);
	pthread_mutex_destroy(&all->lock);
}
