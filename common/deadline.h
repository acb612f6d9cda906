/*
 * Instants on the monotonic clock.  A deadline is an instant, a timeout is a
 * duration in milliseconds; the two never mix.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_DEADLINE_H
#define COMMON_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

struct deadline {
	int64_t at_ms; /* on CLOCK_MONOTONIC */
};

/* The instant timeout_ms (>= 0) from now.  Cannot fail. */
struct deadline deadline_in(int timeout_ms);

/*
 * Milliseconds left until d, 0 when it has passed; never more than INT_MAX, so
 * the result goes straight into poll(2).
 */
int deadline_left_ms(struct deadline d);

/* The earlier of the two. */
struct deadline deadline_min(struct deadline a, struct deadline b);

/*
 * Move d because octets have made their way: by the time they may take at
 * octets_per_s, but never to more than timeout_ms from now.  So a peer that
 * dribbles runs into its deadline, while one that keeps the rate never does.
 */
void deadline_extend(
    struct deadline *d, size_t octets, int octets_per_s, int timeout_ms);

#endif
