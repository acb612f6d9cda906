/*
 * One connection of a client, from its greeting to its end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_RELAY_H
#define SRC_SESSION_RELAY_H

#include "common/server.h"
#include "src/config/settings.h"

/* Serve one connection with these settings, which stay.  For its thread: owns
 * client->fd, blocks until the connection has ended. */
void relay_run(struct workers_client *client, const struct settings *set);

#endif
