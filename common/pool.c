/*
 * A pool of large buffers.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/pool.h"

#include <pthread.h>
#include <stdlib.h>

#define RESTING_MAX 256 /* buffers kept while nobody uses them */

/* A resting buffer begins with the next one. */
struct resting {
	struct resting *next;
};

/* All under lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct resting *resting;
static unsigned resting_count;

char *
pool_get(void)
{
	struct resting *r;

	pthread_mutex_lock(&lock);
	r = resting;
	if (r != NULL) {
		resting = r->next;
		resting_count--;
	}
	pthread_mutex_unlock(&lock);
	return r != NULL ? (char *)r : malloc(POOL_BUFFER_SIZE);
}

void
pool_put(char *buffer)
{
	struct resting *r = (void *)buffer;

	if (buffer == NULL)
		return;
	pthread_mutex_lock(&lock);
	if (resting_count < RESTING_MAX) {
		r->next = resting;
		resting = r;
		resting_count++;
		r = NULL;
	}
	pthread_mutex_unlock(&lock);
	free(r);
}
