/*
 * The queue of log lines, with somebody who takes them slowly.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/log_queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/deadline.h"
#include "tests/unit/unit.h"

#define WAIT_MS 20000 /* more than any machine needs */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char seen[256]; /* "PRIORITY LINE;" for each of the last ones */
static char last[128];
static unsigned lines;
static bool closed; /* nothing is taken */
static bool inside; /* somebody waits to hand a line over */

static void
take(int priority, const char *line)
{
	char text[128];

	pthread_mutex_lock(&lock);
	inside = true;
	pthread_cond_broadcast(&changed);
	while (closed)
		pthread_cond_wait(&changed, &lock);
	inside = false;
	snprintf(text, sizeof text, "%d %.40s;", priority, line);
	if (strlen(seen) + strlen(text) < sizeof seen)
		strcpy(seen + strlen(seen), text);
	snprintf(last, sizeof last, "%s", line);
	lines++;
	pthread_mutex_unlock(&lock);
}

static void
put(int priority, const char *line)
{
	log_queue_put(priority, line, strlen(line));
}

static int
set_up(void **state)
{
	(void)state;
	log_queue_to(take);
	seen[0] = '\0';
	lines = 0;
	return 0;
}

static void
set_closed(bool value)
{
	pthread_mutex_lock(&lock);
	closed = value;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void
hands_lines_over_in_order(void **state)
{
	(void)state;
	put(3, "before the thread");
	assert_int_equal(log_queue_start(), 0);
	assert_int_equal(log_queue_start(), 0);
	put(6, "one");
	put(4, "");
	put(6, "two");
	log_queue_finish(WAIT_MS);
	assert_string_equal(seen, "3 before the thread;6 one;4 ;6 two;");
}

static void
finishing_starts_a_thread_if_need_be(void **state)
{
	(void)state;
	log_queue_finish(WAIT_MS);
	put(3, "never started");
	log_queue_finish(WAIT_MS);
	log_queue_finish(WAIT_MS);
	assert_string_equal(seen, "3 never started;");
}

#define PUT 1000U /* lines of this length */

static void
nobody_waits_for_who_takes_nothing(void **state)
{
	char line[PUT], want[128];
	struct deadline d;

	(void)state;
	memset(line, 'x', sizeof line);
	assert_int_equal(log_queue_start(), 0);
	set_closed(true);
	put(6, "held");
	pthread_mutex_lock(&lock);
	while (!inside)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < PUT; i++)
		log_queue_put(7, line, sizeof line);
	/* Nor does the end. */
	d = deadline_in(50);
	log_queue_finish(100);
	assert_int_equal(deadline_left_ms(d), 0);
	assert_int_equal(lines, 0);
	set_closed(false);
	log_queue_finish(WAIT_MS);
	/* All are accounted for: "held", those with room, and what tells of
	 * the others. */
	assert_true(lines > 200 && lines < 300);
	snprintf(want, sizeof want,
	    "%u log lines were lost, since nobody took them",
	    PUT - (lines - 2));
	assert_string_equal(last, want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(hands_lines_over_in_order, set_up),
	    cmocka_unit_test_setup(
		finishing_starts_a_thread_if_need_be, set_up),
	    cmocka_unit_test_setup(nobody_waits_for_who_takes_nothing, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
