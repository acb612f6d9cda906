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

/*
 * Warn of each name that is not known now and of a clamd that cannot be
 * connected to: it may come, and mail is deferred until then.  Warn of a virus
 * action that cannot be executed.  To be called as the user that connects
 * later, and before any thread.  Blocks as getaddrinfo(3) does, and for a
 * second at most for a clamd on another host, which sees a connection without a
 * word; one on this host sees nothing.
 */
void neighbours_check(const struct settings *set);

/*
 * Why addr_resolve could not find the address of a name, in words; errno is
 * what it has left.
 */
const char *neighbours_unknown_name(void);

#endif
