/*
 * Instants on the monotonic clock.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/deadline.h"

#include <limits.h>
#include <time.h>

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct deadline
deadline_in(int timeout_ms)
{
	return (struct deadline){now_ms() + timeout_ms};
}

int
deadline_left_ms(struct deadline d)
{
	int64_t left = d.at_ms - now_ms();

	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

struct deadline
deadline_min(struct deadline a, struct deadline b)
{
	return a.at_ms < b.at_ms ? a : b;
}

void
deadline_extend(
    struct deadline *d, size_t octets, int octets_per_s, int timeout_ms)
{
	struct deadline latest = deadline_in(timeout_ms);

	d->at_ms += (int64_t)octets * 1000 / octets_per_s;
	*d = deadline_min(*d, latest);
}
