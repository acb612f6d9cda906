/*
 * The accept loop and its threads: one thread for each connection.
 *
 * A thread that has finished a connection waits a while for the next one.
 * The listening thread never waits for a connection's thread until the stop.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_SERVER_H
#define COMMON_SERVER_H

#include <stdbool.h>

#include "common/addr.h"

/* One accepted connection, as its thread gets it. */
struct server_client {
	int fd; /* the handler owns it */
	struct addr peer; /* no address (len 0) when it has gone already */
	unsigned number; /* counts the connections from 0 */
	int stop_fd; /* becomes readable when the daemon stops; not owned */
};

struct server_config {
	int listener; /* closed by the server when it stops */
	int max_clients; /* connections served at once */
	const char *busy; /* reply to one more, then it is closed */
	const char *no_thread; /* reply when no thread can be started */
	void (*ready)(void); /* called when connections are accepted */
	void (*handle)(struct server_client *client, void *context);
	void *context; /* for handle; read by many threads at once */
};

/*
 * Serve until SIGTERM or SIGINT: accept connections, and let a thread handle
 * each.  Then stop_fd becomes readable, and when all threads have ended the
 * function returns.  The caller has called server_prepare_signals.
 * Returns 0, or -1 with errno when it could not begin.
 */
int server_run(const struct server_config *config);

/*
 * Block SIGTERM and SIGINT (which end server_run) in this thread and all it
 * starts; ignore SIGPIPE, SIGHUP and SIGXFSZ; let the system reap children.
 * Called before any thread is started.
 */
void server_prepare_signals(void);

#endif
