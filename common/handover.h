/*
 * Listening sockets that the service manager has opened and hands over, which it
 * keeps open while we are restarted.
 *
 * Source: sd_listen_fds(3); no library is used.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_HANDOVER_H
#define COMMON_HANDOVER_H

#define HANDOVER_FIRST_FD 3 /* the others follow it */

/*
 * Read LISTEN_FDS, if LISTEN_PID means this process, and remove both and their
 * like from the environment; no program that we start inherits the sockets, nor
 * anything else that was left open for us.
 * Called once, before any thread is started and any fork(2).
 */
void handover_open(void);

/* How many sockets there are. */
int handover_count(void);

#endif
