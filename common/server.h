/*
 * The accept loop: from the listeners to the workers, until a signal stops it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_SERVER_H
#define COMMON_SERVER_H

#include <time.h>

#include "common/listener.h"
#include "common/workers.h"

#define SERVER_LISTENERS_MAX 16

struct server_config {
	const struct listener
	    *listeners; /* open until server_run has returned */
	size_t listener_count; /* at most SERVER_LISTENERS_MAX */
	int max_clients; /* connections served at once, at first */
	const char *busy; /* reply to one more, then it is closed */
	const char *no_thread; /* reply when no thread can be started */
	void (*handle)(struct workers_client *client, void *context);
	void (*turned_away)(void); /* one was not served; or NULL */
	void (*draining)(int clients); /* as workers_stop's tell; or NULL */
	void *context; /* for handle; read by many threads at once */
};

struct server {
	/* private */
	const struct server_config *config; /* borrowed until server_drain */
	struct workers workers;
	int spare_fd; /* given up to answer one more client in a shortage */
	time_t complained;
};

/* Get ready.  Returns 0, or -1 with errno when there is no descriptor. */
int server_open(struct server *s, const struct server_config *config);

/*
 * Serve until a signal stops it (signals_prepare was called): accept
 * connections, and let a thread handle each.  When it returns no new one is
 * taken, those that are being served do not know yet, and the caller may give
 * up what a new daemon needs.
 */
void server_run(struct server *s);

/* Serve at most max connections at once from now on.  For any thread, between
 * server_open and server_drain. */
void server_set_max(struct server *s, int max);

/*
 * Let each connection's stop_fd become readable, wait until all threads have
 * ended, and give everything back.
 */
void server_drain(struct server *s);

#endif
