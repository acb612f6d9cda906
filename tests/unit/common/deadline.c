/*
 * Instants.  The clock runs during the test, so results have a range.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/deadline.h"

#include <limits.h>

#include "tests/unit/unit.h"

#define SLACK_MS 60000 /* for a machine that is busy */

static void
counts_down(void **state)
{
	int left = deadline_left_ms(deadline_in(1000000));

	(void)state;
	assert_in_range(left, 1000000 - SLACK_MS, 1000000);
	assert_int_equal(deadline_left_ms(deadline_in(0)), 0);
	left = deadline_left_ms(deadline_in(INT_MAX));
	assert_in_range(left, INT_MAX - SLACK_MS, INT_MAX);
}

static void
what_has_passed_stays_so(void **state)
{
	(void)state;
	assert_int_equal(deadline_left_ms((struct deadline){0}), 0);
	assert_int_equal(deadline_left_ms((struct deadline){-5}), 0);
	assert_int_equal(deadline_left_ms((struct deadline){INT64_MIN / 2}), 0);
}

static void
never_more_than_poll_takes(void **state)
{
	(void)state;
	assert_int_equal(
	    deadline_left_ms((struct deadline){INT64_MAX / 2}), INT_MAX);
}

static void
the_earlier_one_counts(void **state)
{
	struct deadline a = {1}, b = {2};

	(void)state;
	assert_int_equal(deadline_min(a, b).at_ms, 1);
	assert_int_equal(deadline_min(b, a).at_ms, 1);
	assert_int_equal(deadline_min(b, b).at_ms, 2);
}

static void
octets_extend_by_their_rate(void **state)
{
	struct deadline start = deadline_in(100000), d = start;

	(void)state;
	/* 50 octets at 100/s are half a second. */
	deadline_extend(&d, 50, 100, 1000000);
	assert_int_equal(d.at_ms - start.at_ms, 500);
	deadline_extend(&d, 0, 100, 1000000);
	assert_int_equal(d.at_ms - start.at_ms, 500);
	deadline_extend(&d, 1, 100, 1000000);
	assert_int_equal(d.at_ms - start.at_ms, 510);
}

static void
but_not_beyond_the_timeout(void **state)
{
	struct deadline d = deadline_in(100000);
	int left;

	(void)state;
	deadline_extend(&d, (size_t)1 << 40, 100, 200000);
	left = deadline_left_ms(d);
	assert_in_range(left, 200000 - SLACK_MS, 200000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_down),
	    cmocka_unit_test(what_has_passed_stays_so),
	    cmocka_unit_test(never_more_than_poll_takes),
	    cmocka_unit_test(the_earlier_one_counts),
	    cmocka_unit_test(octets_extend_by_their_rate),
	    cmocka_unit_test(but_not_beyond_the_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
