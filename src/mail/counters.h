/*
 * What is counted, for the option StatsFile.  Shared by all threads: every
 * function locks for itself, and none waits for anything else.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_COUNTERS_H
#define SRC_MAIL_COUNTERS_H

#include <stdint.h>

#include "src/mail/outcome.h"

/* Why a client had no session, or lost it. */
enum counters_refusal {
	COUNTERS_BUSY, /* there were MaxConnections, or no means for more */
	COUNTERS_OUT_OF_STEP, /* it did not wait where it has to */
	COUNTERS_NO_UPSTREAM, /* the mail server could not be reached */
	COUNTERS_PROXY, /* its PROXY header was missing or bad */
	COUNTERS_REFUSALS
};

/* Upper bounds of the histogram of scans, in microseconds. */
#define COUNTERS_BOUNDS                                                        \
	{                                                                      \
		1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, \
		    1000000, 2500000, 5000000, 10000000, 30000000, 60000000    \
	}
#define COUNTERS_BUCKETS 15

struct counters {
	uint64_t messages[OUTCOME_COUNT];
	uint64_t octets; /* of the content of messages, as received */
	uint64_t sessions_begun;
	uint64_t sessions; /* now */
	uint64_t refused[COUNTERS_REFUSALS];
	uint64_t scans; /* now */
	uint64_t scans_ended;
	uint64_t scan_us; /* of all that have ended */
	uint64_t scans_within[COUNTERS_BUCKETS]; /* that bound, no lower one */
	uint64_t hooks_failed; /* virus actions */
};

/* All of them as they are at one moment. */
struct counters counters_read(void);

/* A message has ended, and its summary is written. */
void counters_add_message(enum outcome outcome, unsigned long long octets);

void counters_begin_session(void);
void counters_end_session(void);
void counters_add_refusal(enum counters_refusal why);

void counters_begin_scan(void);
void counters_end_scan(uint64_t took_us);

/* A virus action could not be started, or its end was no success. */
void counters_add_failed_hook(void);

#endif
