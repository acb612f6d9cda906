/*
 * Those who must be there for mail to pass: clamd, the mail server and whoever
 * knows their names; and the program of VirusAction.  Looked for once, at the
 * start.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_NEIGHBOURS_H
#define SRC_START_NEIGHBOURS_H

#include "src/config/settings.h"

#define NEIGHBOURS_NAMES_MS 5000 /* for all names to be looked up */

/*
 * Warn of each name that is not known now and of a clamd that cannot be
 * connected to: it may come, and mail is deferred until then.  Warn of a virus
 * action that cannot be executed.  To be called as the user that connects
 * later; resolver may look up.  Blocks for NEIGHBOURS_NAMES_MS at most for the
 * names (a stop ends it), and for a second at most for each address of clamd on
 * another host, which sees a connection without a word; one on this host sees
 * nothing.
 */
void neighbours_check(const struct settings *set);

#endif
