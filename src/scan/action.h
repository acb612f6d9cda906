/*
 * The whole policy: what becomes of a message after its verdict.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_ACTION_H
#define SRC_SCAN_ACTION_H

#include "src/scan/verdict.h"

/* The option Action: what the administrator wants for infected messages. */
enum when_infected {
	WHEN_INFECTED_DROP,
	WHEN_INFECTED_BOUNCE,
	WHEN_INFECTED_PASS
};

enum action {
	ACTION_FORWARD, /* to the server, with the configured header */
	ACTION_FORWARD_MARKED, /* to the server, marked as infected */
	ACTION_DISCARD, /* 250 to the client, and nothing else */
	ACTION_REJECT, /* 550 to the client */
	ACTION_REJECT_OVERSIZE, /* 552 to the client */
	ACTION_DEFER /* 451 to the client */
};

/*
 * A failed scan is deferred, whatever the wish, and what cannot be scanned is
 * rejected.  Cannot fail.
 */
enum action action_choose(enum scan_verdict verdict, enum when_infected wish);

#endif
