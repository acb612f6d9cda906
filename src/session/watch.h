/*
 * The only place where a session waits: for the client, the server or clamd,
 * and in each wait for a stop as well.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_WATCH_H
#define SRC_SESSION_WATCH_H

#include <stdbool.h>

#include "common/deadline.h"
#include "common/waiter.h"
#include "src/session/client.h"
#include "src/session/upstream.h"

enum watch_phase {
	WATCH_COMMANDS,
	WATCH_RECEIVE, /* content comes from the client */
	WATCH_SCAN,
	WATCH_LAST_STEP, /* the message is handed over: a stop waits for it */
	WATCH_FINAL /* nothing can be taken back: what is left is a reply */
};

struct watch {
	struct waiter waiter; /* of both connections and clamd's; the first */
	struct client *client;
	struct upstream *upstream;
	int stop_fd;
	int timeout_ms; /* option TimeOut */
	int keep_alives_ms; /* option KeepAlives; 0: none */
	enum watch_phase phase;
	struct deadline deadline; /* for what we wait for in commands */
	struct deadline budget; /* for a message, up to its last step's end */
	struct deadline keep_alive; /* when the server wants to hear of us */
	bool stopping; /* a stop came in the last step... */
	struct deadline stop_deadline; /* ... which has to be done by then */
};

/* Watch these two (borrowed) and stop_fd; times in milliseconds. */
void watch_open(struct watch *w, struct client *client,
    struct upstream *upstream, int stop_fd, int timeout_ms, int keep_alives_ms);

/*
 * The message is here: from now on all waits of its scan and of the last step
 * share these milliseconds.
 */
void watch_begin_budget(struct watch *w, int budget_ms);

/* Is nothing left of them? */
bool watch_has_used_budget(const struct watch *w);

/* Another phase begins: it decides what a wait sees. */
void watch_enter(struct watch *w, enum watch_phase phase);

/* Something has been said in the dialogue: TimeOut begins anew. */
void watch_restart(struct watch *w);

/* Octets have come that are thrown away: they move the deadline. */
void watch_extend(struct watch *w, size_t octets);

/* A message begins or the server has heard of us: KeepAlives begins anew. */
void watch_restart_keep_alive(struct watch *w);

/* A fresh deadline of the option TimeOut. */
struct deadline watch_timeout(const struct watch *w);

/* Who has something to say. */
struct watch_seen {
	bool client; /* or it has been reset, if nothing is wanted of it */
	bool upstream;
};

/*
 * In the dialogue: wait for either party until the deadline.  Returns IO_OK,
 * IO_TIMEOUT, IO_CANCELLED (a stop), or IO_ERROR with errno.
 */
enum io watch_parties(
    struct watch *w, bool hear_client, struct watch_seen *seen);

#endif
