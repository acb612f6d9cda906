/*
 * From the client to the server: commands.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_COMMANDS_H
#define SRC_SESSION_COMMANDS_H

#include <stdbool.h>

#include "src/session/session.h"

/*
 * Handle the complete command lines that have been read, as far as they may be
 * by now.  DATA runs the whole data phase.  Returns whether there was one.
 */
bool commands_take(struct session *s);

/* Send a command of our own; its reply is not shown to the client. */
void commands_send_own(
    struct session *s, enum pending_kind kind, const char *line);

#endif
