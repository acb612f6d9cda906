/*
 * The counters in the Prometheus text format.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_METRICS_H
#define SRC_START_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common/strbuf.h"
#include "src/mail/counters.h"

struct metrics_clamd {
	const char *address;
	bool up; /* it is not set aside */
};

struct metrics {
	struct counters counters;
	unsigned long log_lines_lost;
	time_t started;
	const char *version;
	const struct metrics_clamd *clamds;
	size_t clamd_count;
};

/*
 * Append all metrics to out, which fails when memory runs out.
 * Source: Prometheus, Exposition formats (text format 0.0.4).
 */
void metrics_print(const struct metrics *m, struct strbuf *out);

/* Append one line of the totals, for the log. */
void metrics_print_totals(const struct metrics *m, struct strbuf *out);

#endif
