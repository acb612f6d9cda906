/*
 * The threads: one for each connection that is served.
 *
 * A thread that has finished a connection waits a while for the next one.  The
 * listening thread, which calls nearly all functions here, never waits for a
 * connection's thread until the stop.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_WORKERS_H
#define COMMON_WORKERS_H

#include <pthread.h>
#include <stdbool.h>

#include "common/addr.h"

#define WORKERS_TELL_MS 5000

/* One accepted connection, as its thread gets it. */
struct workers_client {
	int fd; /* the handler owns it */
	struct addr peer; /* no address (len 0) when it has gone already */
	unsigned number; /* counts the connections from 0 */
	int stop_fd; /* becomes readable when the daemon stops; not owned */
};

struct worker;

struct workers {
	/* private: what workers_init was given, then what is under lock */
	void (*handle)(struct workers_client *client, void *context);
	void *context;
	int stop_pipe[2];
	unsigned number;
	pthread_mutex_t lock;
	int max;
	int clients; /* connections being served */
	unsigned resting_count;
	struct worker *resting; /* the latest first, its cache is warm */
	struct worker *finished; /* ended threads to be joined */
	int count; /* threads, until they are joined */
	bool stopping;
	pthread_cond_t ended; /* a worker has put itself into finished */
};

/*
 * Begin: at most max connections are served at once, and at most so many
 * threads live.  handle is the body of a connection's thread; context is for
 * it, and read by many threads at once.
 * Returns 0, or -1 with errno.
 */
int workers_init(struct workers *w, int max,
    void (*handle)(struct workers_client *client, void *context),
    void *context);

enum workers_answer {
	WORKERS_TAKEN, /* the descriptor is the handler's */
	WORKERS_BUSY, /* max connections are being served */
	WORKERS_NO_THREAD /* errno tells */
};

/* Let a thread serve the connection fd from peer.  Never waits. */
enum workers_answer workers_give(
    struct workers *w, int fd, const struct addr *peer);

/*
 * Serve at most max connections at once from now on; more that there are stay.
 * For any thread.
 */
void workers_set_max(struct workers *w, int max);

/* How many may be served at once?  For any thread. */
int workers_max(struct workers *w);

/*
 * Make each stop_fd readable, wait until all threads have ended, however long
 * their handlers take, and give everything back.  Meanwhile tell (or NULL)
 * learns every WORKERS_TELL_MS how many connections there are still.
 */
void workers_stop(struct workers *w, void (*tell)(int clients));

#endif
