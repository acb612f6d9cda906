/*
 * The policy: all facts, each with each.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/policy.h"

#include "tests/unit/unit.h"

static void
expect(const struct policy_facts *f, enum policy_action action,
    enum answer answer, enum stamp_mark mark, bool runs)
{
	const struct policy p = policy_choose(f);

	assert_int_equal(p.action, action);
	assert_int_equal(p.answer, answer);
	assert_int_equal(p.mark, mark);
	assert_int_equal(p.runs_virus_action, runs);
}

static void
before_the_scan(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		const struct policy_facts f = {.content_failed = i & 1,
		    .upstream_lost = i & 2,
		    .bare_newline = i & 4,
		    .too_large = i & 16,
		    .when_bare_newline =
			i & 8 ? BARE_NEWLINE_REJECT : BARE_NEWLINE_REPAIR,
		    .when_infected = WHEN_INFECTED_PASS};

		if (i & 3)
			expect(&f, POLICY_ANSWER, ANSWER_LOCAL_ERROR,
			    STAMP_SCANNED, false);
		else if (i & 16)
			expect(&f, POLICY_ANSWER, ANSWER_TOO_LARGE,
			    STAMP_SCANNED, false);
		else if (i == 12)
			expect(&f, POLICY_ANSWER, ANSWER_BARE_NEWLINE,
			    STAMP_SCANNED, false);
		else
			expect(
			    &f, POLICY_SCAN, ANSWER_NONE, STAMP_SCANNED, false);
	}
}

static const struct {
	enum scan_verdict verdict;
	enum when_infected wish;
	bool quarantine_failed;
	enum policy_action action;
	enum answer answer;
	enum stamp_mark mark;
	bool runs;
} cases[] = {
    {SCAN_CLEAN, WHEN_INFECTED_DROP, false, POLICY_FORWARD, ANSWER_NONE,
	STAMP_SCANNED, false},
    {SCAN_CLEAN, WHEN_INFECTED_BOUNCE, false, POLICY_FORWARD, ANSWER_NONE,
	STAMP_SCANNED, false},
    {SCAN_CLEAN, WHEN_INFECTED_PASS, false, POLICY_FORWARD, ANSWER_NONE,
	STAMP_SCANNED, false},
    {SCAN_INFECTED, WHEN_INFECTED_DROP, false, POLICY_ANSWER, ANSWER_DISCARDED,
	STAMP_SCANNED, true},
    {SCAN_INFECTED, WHEN_INFECTED_DROP, true, POLICY_ANSWER, ANSWER_LOCAL_ERROR,
	STAMP_SCANNED, false},
    {SCAN_INFECTED, WHEN_INFECTED_BOUNCE, false, POLICY_ANSWER, ANSWER_REJECTED,
	STAMP_SCANNED, true},
    {SCAN_INFECTED, WHEN_INFECTED_BOUNCE, true, POLICY_ANSWER, ANSWER_REJECTED,
	STAMP_SCANNED, true},
    {SCAN_INFECTED, WHEN_INFECTED_PASS, false, POLICY_FORWARD, ANSWER_NONE,
	STAMP_INFECTED, true},
    {SCAN_INFECTED, WHEN_INFECTED_PASS, true, POLICY_FORWARD, ANSWER_NONE,
	STAMP_INFECTED, true},
    {SCAN_OVERSIZE, WHEN_INFECTED_DROP, false, POLICY_ANSWER, ANSWER_OVERSIZE,
	STAMP_SCANNED, false},
    {SCAN_OVERSIZE, WHEN_INFECTED_BOUNCE, false, POLICY_ANSWER, ANSWER_OVERSIZE,
	STAMP_SCANNED, false},
    {SCAN_OVERSIZE, WHEN_INFECTED_PASS, false, POLICY_ANSWER, ANSWER_OVERSIZE,
	STAMP_SCANNED, false},
    {SCAN_FAILED, WHEN_INFECTED_DROP, false, POLICY_ANSWER, ANSWER_LOCAL_ERROR,
	STAMP_SCANNED, false},
    {SCAN_FAILED, WHEN_INFECTED_BOUNCE, false, POLICY_ANSWER,
	ANSWER_LOCAL_ERROR, STAMP_SCANNED, false},
    {SCAN_FAILED, WHEN_INFECTED_PASS, false, POLICY_ANSWER, ANSWER_LOCAL_ERROR,
	STAMP_SCANNED, false},
    /* Values that nobody should have made are no way to the server. */
    {(enum scan_verdict)77, WHEN_INFECTED_PASS, false, POLICY_ANSWER,
	ANSWER_LOCAL_ERROR, STAMP_SCANNED, false},
    {SCAN_INFECTED, (enum when_infected)77, false, POLICY_ANSWER,
	ANSWER_LOCAL_ERROR, STAMP_SCANNED, false},
};

static void
by_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct policy_facts f = {.scanned = true,
		    .verdict = cases[i].verdict,
		    .when_infected = cases[i].wish,
		    .quarantine_failed = cases[i].quarantine_failed};

		expect(&f, cases[i].action, cases[i].answer, cases[i].mark,
		    cases[i].runs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(before_the_scan),
	    cmocka_unit_test(by_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
