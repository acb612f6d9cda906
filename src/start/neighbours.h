/*
 * Those who must be there for mail to pass: clamd, the mail server and whoever
 * knows their names; and the program of VirusAction.  Looked for once, at the
 * start.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_NEIGHBOURS_H
#define SRC_START_NEIGHBOURS_H

#include <stdbool.h>

#include "src/config/settings.h"

#define NEIGHBOURS_NAMES_MS 5000 /* for all names to be looked up */

/* Pause for ms; false: the wait is to be given up. */
typedef bool neighbours_rest(void *context, int ms);

/* A rest that is never given up. */
bool neighbours_take_rest(void *none, int ms);

/*
 * Have all names looked up, as far as that can be waited for: for
 * NEIGHBOURS_NAMES_MS.  resolver may look up.
 */
void neighbours_look_up(
    const struct settings *set, neighbours_rest *rest, void *context);

/*
 * Warn of each name that is not known now and of a clamd that cannot be
 * connected to: it may come, and mail is deferred until then.  Warn of a virus
 * action that cannot be executed.  To be called as the user that connects
 * later, when names were looked up.  Blocks for a second at most for each
 * address of clamd on another host, which sees a connection without a word; one
 * on this host sees nothing.  rest is asked between two of them, with ms 0.
 */
void neighbours_check(
    const struct settings *set, neighbours_rest *rest, void *context);

#endif
