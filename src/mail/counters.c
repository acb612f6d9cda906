/*
 * What is counted.
 *
 * One mutex, as a message takes it some five times in all; what is read is then
 * of one moment, and no platform lacks an atomic of this size.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/counters.h"

#include <pthread.h>
#include <stddef.h>

static const uint64_t bounds[COUNTERS_BUCKETS] = COUNTERS_BOUNDS;

/* Written by all threads, under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct counters now;

static void
add(uint64_t *counter, uint64_t n)
{
	pthread_mutex_lock(&lock);
	*counter += n;
	pthread_mutex_unlock(&lock);
}

struct counters
counters_read(void)
{
	struct counters copy;

	pthread_mutex_lock(&lock);
	copy = now;
	pthread_mutex_unlock(&lock);
	return copy;
}

void
counters_add_message(enum outcome outcome, unsigned long long octets)
{
	pthread_mutex_lock(&lock);
	now.messages[outcome]++;
	now.octets += octets;
	pthread_mutex_unlock(&lock);
}

void
counters_begin_session(void)
{
	pthread_mutex_lock(&lock);
	now.sessions++;
	now.sessions_begun++;
	pthread_mutex_unlock(&lock);
}

void
counters_end_session(void)
{
	pthread_mutex_lock(&lock);
	now.sessions--;
	pthread_mutex_unlock(&lock);
}

void
counters_add_refusal(enum counters_refusal why)
{
	add(&now.refused[why], 1);
}

void
counters_begin_scan(void)
{
	add(&now.scans, 1);
}

void
counters_end_scan(uint64_t took_us)
{
	size_t i = 0;

	while (i < COUNTERS_BUCKETS && took_us > bounds[i])
		i++;
	pthread_mutex_lock(&lock);
	now.scans--;
	now.scans_ended++;
	now.scan_us += took_us;
	if (i < COUNTERS_BUCKETS)
		now.scans_within[i]++;
	pthread_mutex_unlock(&lock);
}

void
counters_add_failed_hook(void)
{
	add(&now.hooks_failed, 1);
}
