/*
 * The policy: every verdict with every wish.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/action.h"

#include "tests/unit/unit.h"

static void
chooses_as_configured(void **state)
{
	static const struct {
		enum scan_verdict verdict;
		enum when_infected wish;
		enum action action;
	} cases[] = {
	    {SCAN_CLEAN, WHEN_INFECTED_DROP, ACTION_FORWARD},
	    {SCAN_CLEAN, WHEN_INFECTED_BOUNCE, ACTION_FORWARD},
	    {SCAN_CLEAN, WHEN_INFECTED_PASS, ACTION_FORWARD},
	    {SCAN_INFECTED, WHEN_INFECTED_DROP, ACTION_DISCARD},
	    {SCAN_INFECTED, WHEN_INFECTED_BOUNCE, ACTION_REJECT},
	    {SCAN_INFECTED, WHEN_INFECTED_PASS, ACTION_FORWARD_MARKED},
	    {SCAN_OVERSIZE, WHEN_INFECTED_DROP, ACTION_REJECT_OVERSIZE},
	    {SCAN_OVERSIZE, WHEN_INFECTED_BOUNCE, ACTION_REJECT_OVERSIZE},
	    {SCAN_OVERSIZE, WHEN_INFECTED_PASS, ACTION_REJECT_OVERSIZE},
	    {SCAN_FAILED, WHEN_INFECTED_DROP, ACTION_DEFER},
	    {SCAN_FAILED, WHEN_INFECTED_BOUNCE, ACTION_DEFER},
	    {SCAN_FAILED, WHEN_INFECTED_PASS, ACTION_DEFER},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(action_choose(cases[i].verdict, cases[i].wish),
		    cases[i].action);
}

/* Values that nobody should have made are no way to the server. */
static void
defers_what_it_does_not_know(void **state)
{
	(void)state;
	assert_int_equal(
	    action_choose((enum scan_verdict)77, WHEN_INFECTED_PASS),
	    ACTION_DEFER);
	assert_int_equal(
	    action_choose(SCAN_INFECTED, (enum when_infected)77), ACTION_DEFER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(chooses_as_configured),
	    cmocka_unit_test(defers_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
