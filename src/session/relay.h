/*
 * One connection of a client, from its greeting to its end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_RELAY_H
#define SRC_SESSION_RELAY_H

#include "common/server.h"

/* Serve one connection; settings is a struct settings.  Thread body: owns
 * client->fd, blocks until the connection has ended. */
void relay_run(struct workers_client *client, void *settings);

#endif
