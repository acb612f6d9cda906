/*
 * Names of hosts: one thread of its own looks them up, so that nobody else ever
 * waits for that.
 *
 * A name is known from the first time that it is asked for.  It is looked up
 * then, again every minute, every two seconds while that fails, and a second
 * later when somebody doubts it.  There is one table for the whole process; every
 * function locks for itself.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_RESOLVER_H
#define COMMON_RESOLVER_H

#include <stdbool.h>

#include "common/addr_spec.h"

/* Beyond, the name that was not asked for longest is forgotten. */
#define RESOLVER_NAMES_MAX 128

/*
 * Names may be looked up from now on.  Called after the last fork(2), with those
 * signals blocked that are for another thread; nothing is started before a name
 * is asked for.
 */
void resolver_start(void);

/*
 * No more is looked up, and the thread says nothing more.  It is not waited for:
 * it may be in getaddrinfo(3), and ends with the process.
 */
void resolver_stop(void);

/*
 * All addresses of spec, as far as they are known now: those of IPv4 before
 * those of IPv6, since that is what there was before, each in the order of
 * getaddrinfo(3).  host is as in addr_spec_fixed.  Never waits.
 * Returns 0 with at least one, or -1 with EHOSTUNREACH.
 */
int resolver_find(const struct addr_spec *spec, const struct addr *host,
    struct addr_choice *found);

/* No address of spec was of any use: it may have others by now. */
void resolver_doubt(const struct addr_spec *spec);

/* Is there a name that was asked for, but not looked up yet? */
bool resolver_is_busy(void);

/*
 * As resolver_find, but looked up here and now; blocks as getaddrinfo(3) does,
 * without a bound.  For the start.
 */
int resolver_look_up(const struct addr_spec *spec, const struct addr *host,
    struct addr_choice *found);

#endif
