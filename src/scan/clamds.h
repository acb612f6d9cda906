/*
 * What is known of each clamd, shared by all threads: whether it is set aside,
 * whether descriptors get there, and what came of the last proof.
 *
 * Every function locks for itself and, but for clamds_await_set_aside, never waits
 * for anything else.  A clamd is its place in the option ClamAddress.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_CLAMDS_H
#define SRC_SCAN_CLAMDS_H

#include <pthread.h>
#include <stdbool.h>

#include "common/deadline.h"
#include "src/scan/scan_config.h"

#define CLAMDS_NONE ((size_t)-1)

struct clamds_known {
	bool set_aside; /* asked only when no other one is left */
	struct deadline no_files; /* until then descriptors do not get there */
	bool proving; /* a thread asks it for a proof */
	bool proved; /* the last one was good... */
	int64_t proof_ms; /* ... and had begun then; 0: there was none */
};

struct clamds {
	const struct scan_config *config; /* borrowed until clamds_close */
	int stop[2]; /* a pipe that is closed for the stop */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed; /* one is set aside, or it is the stop */
	bool stopped;
	struct clamds_known known[ADDR_LIST_MAX];
};

/* Begin: none is set aside.  Returns 0, or -1 with errno. */
int clamds_open(struct clamds *c, const struct scan_config *config);

/*
 * Set aside those that old, another list, has set aside under the same address,
 * and pass no descriptors to whom they did not get.  Nobody uses c yet.
 */
void clamds_follow(struct clamds *c, struct clamds *old);

/* No other thread uses c any more. */
void clamds_close(struct clamds *c);

/* The clamd's address; borrowed from the settings. */
const struct addr_spec *clamds_address(const struct clamds *c, size_t i);

/*
 * In which order a message tries them: as they are configured, but those that
 * are set aside behind the others, and last (or CLAMDS_NONE), which has failed
 * it already, at the end.  Returns how many there are.
 */
size_t clamds_order(struct clamds *c, size_t last, size_t order[ADDR_LIST_MAX]);

bool clamds_is_set_aside(struct clamds *c, size_t i);

/* Is there none that is not? */
bool clamds_are_all_set_aside(struct clamds *c);

/* Wait, without a bound, until it is.  False: it is the stop. */
bool clamds_await_set_aside(struct clamds *c, size_t i);

/* Who awaits that is to end. */
void clamds_stop(struct clamds *c);

/* Each of both is logged where it changes something. */
void clamds_set_aside(struct clamds *c, size_t i, const char *why);
void clamds_bring_back(struct clamds *c, size_t i);

/* Can it be passed descriptors, as far as is known? */
bool clamds_takes_files(struct clamds *c, size_t i);

/* It did not get one: not for SCAN_STREAM_MS.  Logged where it is news. */
void clamds_stop_files(struct clamds *c, size_t i);

enum clamds_proof {
	CLAMDS_PROVED, /* the last proof was good, and began late enough */
	CLAMDS_DISPROVED, /* it was not */
	CLAMDS_BEING_PROVED, /* another thread asks for one */
	CLAMDS_ASK /* this one is to ask: clamds_end_proof must follow */
};

/*
 * Has there been a proof that began after since_ms (on the clock of deadline)?
 * Nobody asks again who has waited for the last one.
 */
enum clamds_proof clamds_begin_proof(
    struct clamds *c, size_t i, int64_t since_ms, bool has_waited);

/* What came of the proof that began at begun_ms; 0: it came to nothing. */
void clamds_end_proof(
    struct clamds *c, size_t i, int64_t begun_ms, bool is_good);

#endif
