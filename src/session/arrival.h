/*
 * Who comes: before anything else, a balancer tells for whom it has connected
 * (option ProxyProtocol).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_ARRIVAL_H
#define SRC_SESSION_ARRIVAL_H

#include "src/session/session.h"

#define ARRIVAL_HEADER_MS 3000 /* for the header of the PROXY protocol */

enum arrival {
	ARRIVAL_CLIENT, /* it is known who the client is */
	ARRIVAL_CHECK, /* the balancer wants to know how we are */
	ARRIVAL_UNKNOWN, /* there is no header, which was logged */
	ARRIVAL_STOPPED /* a stop has come meanwhile */
};

/*
 * From a network of ProxyProtocol await the header, take it off the input, and
 * let the client be whom it names; from any other peer nothing is awaited.
 */
enum arrival arrival_await(struct session *s);

#endif
