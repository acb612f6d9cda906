/*
 * What makes a process a daemon: detaching, its limits.
 *
 * All functions are for the main thread, before others are started.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

/*
 * See that descriptors 0 to 2 are open, so that nothing of ours gets their
 * numbers.  The first thing a daemon does.
 */
void daemon_open_standard(void);

/*
 * Go on in a child in a session of its own, in the directory "/".  The parent
 * stays until the child calls daemon_ready (then it exits with 0) or ends (then
 * it exits with the child's status), so errors reach the one who started it:
 * standard error stays open until then.
 * Returns 0 in the child; -1 with errno when it could not begin.
 */
int daemon_detach(void);

/*
 * Release the parent of daemon_detach, and let the standard descriptors be
 * /dev/null.  Does nothing in a process that has not detached.
 */
void daemon_ready(void);

/*
 * Let all threads that come be scheduled for throughput: one that becomes ready
 * does not interrupt another process that is at work (sched(7), SCHED_BATCH).
 * A relay wakes for every turn of a dialogue, and each interruption costs more
 * than the turn.  Where the system or its libc knows no such thing, nothing
 * changes.
 */
void daemon_prefer_throughput(void);

/*
 * No core dump may be made, not even by way of a pipe (core(5)), and no other
 * process of the same user may look in (ptrace(2)): there is mail in memory.
 */
void daemon_keep_secrets(void);

/*
 * Raise the limit of descriptors to n, and allow no core dump (there may be
 * mail in it).  Returns how many descriptors there may be now: less than n
 * when the system does not allow more.
 */
unsigned long daemon_set_limits(unsigned long n);

/* How many descriptors are open, ours and those that we were started with? */
unsigned long daemon_count_descriptors(void);

#endif
