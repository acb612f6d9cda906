/*
 * The policy: all facts, each with each.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/policy.h"

#include "tests/unit/unit.h"

/* What is to come of a message. */
struct fate {
	enum policy_action action;
	enum answer answer;
	enum stamp_kind mark;
	bool handles_virus;
};

#define ANSWERED(answer)                                                       \
	{                                                                      \
		POLICY_ANSWER, (answer), STAMP_NONE, false                     \
	}
#define FORWARDED(mark)                                                        \
	{                                                                      \
		POLICY_FORWARD, ANSWER_NONE, (mark), false                     \
	}

static const struct fate deferred = ANSWERED(ANSWER_LOCAL_ERROR);

static void
expect(const struct policy_facts *f, struct fate fate, const char *about)
{
	const struct policy p = policy_choose(f);

	assert_int_equal(p.action, fate.action);
	assert_int_equal(p.answer, fate.answer);
	assert_int_equal(p.mark.kind, fate.mark);
	assert_int_equal(p.handles_virus, fate.handles_virus);
	if (about == NULL)
		assert_null(p.mark.about);
	else
		assert_string_equal(p.mark.about, about);
}

static void
before_the_scan(void **state)
{
	static const struct fate scan = {
	    POLICY_SCAN, ANSWER_NONE, STAMP_NONE, false};
	static const struct fate refused = ANSWERED(ANSWER_BARE_NEWLINE);
	static const struct fate too_large = ANSWERED(ANSWER_TOO_LARGE);

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		/* What says pass passes nothing then. */
		const struct policy_config config = {
		    .action = WHEN_INFECTED_PASS,
		    .scan_fail = WHEN_UNSCANNED_PASS,
		    .oversize = WHEN_UNSCANNED_PASS,
		    .bare_newline =
			i & 8 ? BARE_NEWLINE_REJECT : BARE_NEWLINE_REPAIR};
		const struct policy_facts f = {.config = &config,
		    .content_failed = i & 1,
		    .upstream_lost = i & 2,
		    .bare_newline = i & 4,
		    .too_large = i & 16};

		if (i & 3)
			expect(&f, deferred, NULL);
		else if (i & 16)
			expect(&f, too_large, NULL);
		else
			expect(&f, i == 12 ? refused : scan, NULL);
	}
}

/* But what cannot be kept or taken, or has a bare newline, is not sent on. */
static void
what_is_exempt_goes_on_unmarked(void **state)
{
	static const struct fate unmarked = FORWARDED(STAMP_NONE);
	static const struct fate refused = ANSWERED(ANSWER_BARE_NEWLINE);
	static const struct fate too_large = ANSWERED(ANSWER_TOO_LARGE);

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		const struct policy_config config = {.bare_newline = i & 8
			? BARE_NEWLINE_REJECT
			: BARE_NEWLINE_REPAIR};
		const struct policy_facts f = {.config = &config,
		    .exempt = true,
		    .content_failed = i & 1,
		    .upstream_lost = i & 2,
		    .bare_newline = i & 4,
		    .too_large = i & 16};

		if (i & 3)
			expect(&f, deferred, NULL);
		else if (i & 16)
			expect(&f, too_large, NULL);
		else
			expect(&f, i == 12 ? refused : unmarked, NULL);
	}
}

static void
clean_goes_on(void **state)
{
	static const struct fate scanned = FORWARDED(STAMP_SCANNED);

	(void)state;
	for (unsigned i = 0; i < 36; i++) {
		const struct policy_config config = {.action = i % 4,
		    .scan_fail = i / 4 % 3,
		    .oversize = i / 12};
		const struct policy_facts f = {
		    .config = &config, .scanned = true, .verdict = SCAN_CLEAN};

		expect(&f, scanned, NULL);
	}
}

/* By what is wished for viruses: without and with a failed quarantine. */
static const struct {
	enum when_infected wish;
	struct fate fate, fate_without_copy, fate_of_limit;
} infected[] = {
    {WHEN_INFECTED_DROP, {POLICY_ANSWER, ANSWER_DISCARDED, STAMP_NONE, true},
	ANSWERED(ANSWER_LOCAL_ERROR),
	{POLICY_ANSWER, ANSWER_DISCARDED, STAMP_NONE, true}},
    {WHEN_INFECTED_BOUNCE, {POLICY_ANSWER, ANSWER_REJECTED, STAMP_NONE, true},
	{POLICY_ANSWER, ANSWER_REJECTED, STAMP_NONE, true},
	{POLICY_ANSWER, ANSWER_REJECTED, STAMP_NONE, true}},
    {WHEN_INFECTED_PASS, {POLICY_FORWARD, ANSWER_NONE, STAMP_INFECTED, true},
	{POLICY_FORWARD, ANSWER_NONE, STAMP_INFECTED, true},
	FORWARDED(STAMP_UNSCANNED)},
    {WHEN_INFECTED_TEMPFAIL, ANSWERED(ANSWER_LOCAL_ERROR),
	ANSWERED(ANSWER_LOCAL_ERROR), ANSWERED(ANSWER_LOCAL_ERROR)},
    /* A value that nobody should have made is no way to the server. */
    {(enum when_infected)77, ANSWERED(ANSWER_LOCAL_ERROR),
	ANSWERED(ANSWER_LOCAL_ERROR), ANSWERED(ANSWER_LOCAL_ERROR)},
};

static const char *
about(const struct fate *fate, const char *name)
{
	return fate->action == POLICY_FORWARD ? name : NULL;
}

static void
a_virus_has_its_action(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(infected); i++) {
		const struct policy_config config = {
		    .action = infected[i].wish};
		struct policy_facts f = {.config = &config,
		    .scanned = true,
		    .verdict = SCAN_INFECTED,
		    .name = "Worm"};

		expect(&f, infected[i].fate, about(&infected[i].fate, "Worm"));
		f.quarantine_failed = true;
		expect(&f, infected[i].fate_without_copy,
		    about(&infected[i].fate_without_copy, "Worm"));
		/* Nobody knows its name. */
		f.quarantine_failed = false;
		f.name = NULL;
		expect(&f, infected[i].fate, NULL);
	}
}

/* A rule says what the options would not. */
static void
a_rule_goes_before_the_action(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(infected); i++) {
		char virus[] = "W*", other[] = "X*";
		struct rule list[] = {
		    {other, WHEN_INFECTED_TEMPFAIL}, {virus, infected[i].wish}};
		const struct policy_config config = {
		    .action = (enum when_infected)77, .rules = {list, 2}};
		struct policy_facts f = {.config = &config,
		    .scanned = true,
		    .verdict = SCAN_INFECTED,
		    .name = "Worm"};

		expect(&f, infected[i].fate, about(&infected[i].fate, "Worm"));
		f.name = "Yorm";
		expect(&f, deferred, NULL);
		f.name = NULL;
		expect(&f, deferred, NULL);
	}
}

#define LIMIT "Heuristics.Limits.Exceeded.MaxFiles"

static void
a_rule_for_limits_goes_before_oversize(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(infected); i++) {
		char all[] = "*", limits[] = "heuristics.limits.*";
		struct rule list[] = {
		    {all, WHEN_INFECTED_PASS}, {limits, infected[i].wish}};
		const struct policy_config config = {
		    .oversize = WHEN_UNSCANNED_PASS, .rules = {list, 2}};
		struct policy_facts f = {.config = &config,
		    .scanned = true,
		    .verdict = SCAN_OVERSIZE,
		    .name = LIMIT};
		const struct fate *fate = &infected[i].fate_of_limit;

		expect(&f, *fate, about(fate, LIMIT));
		/* The size alone has no name for a rule. */
		f.name = "StreamMaxLength";
		expect(&f, (struct fate)FORWARDED(STAMP_UNSCANNED),
		    "StreamMaxLength");
	}
}

/* By what is wished without a verdict. */
static const struct {
	enum when_unscanned wish;
	struct fate fate_of_failure, fate_of_oversize;
} unscanned[] = {
    {WHEN_UNSCANNED_TEMPFAIL, ANSWERED(ANSWER_LOCAL_ERROR),
	ANSWERED(ANSWER_LOCAL_ERROR)},
    {WHEN_UNSCANNED_REJECT, ANSWERED(ANSWER_UNSCANNED),
	ANSWERED(ANSWER_OVERSIZE)},
    {WHEN_UNSCANNED_PASS, FORWARDED(STAMP_UNSCANNED),
	FORWARDED(STAMP_UNSCANNED)},
    {(enum when_unscanned)77, ANSWERED(ANSWER_LOCAL_ERROR),
	ANSWERED(ANSWER_LOCAL_ERROR)},
};

static void
without_a_verdict(void **state)
{
	char all[] = "*";
	struct rule list[] = {{all, WHEN_INFECTED_DROP}};

	(void)state;
	for (size_t i = 0; i < COUNT(unscanned) * 2; i++) {
		const size_t n = i / 2;
		const struct policy_config config = {
		    .action = i % 2 ? WHEN_INFECTED_PASS : WHEN_INFECTED_DROP,
		    .scan_fail = unscanned[n].wish,
		    .oversize = unscanned[COUNT(unscanned) - 1 - n].wish,
		    .rules = {list, 1}};
		struct policy_facts f = {
		    .config = &config, .scanned = true, .verdict = SCAN_FAILED};

		expect(&f, unscanned[n].fate_of_failure,
		    about(&unscanned[n].fate_of_failure, "no verdict"));
		/* That we had no time is not clamd's fault. */
		f.scan_given_up = true;
		expect(&f, deferred, NULL);
		/* Nor is it that our own file has failed. */
		f.scan_given_up = false;
		f.content_failed = true;
		expect(&f, deferred, NULL);
	}
}

static void
beyond_a_limit(void **state)
{
	static const char *const names[] = {LIMIT, "StreamMaxLength", NULL};
	char all[] = "*";
	struct rule list[] = {{all, WHEN_INFECTED_DROP}};

	(void)state;
	for (size_t i = 0; i < COUNT(unscanned) * COUNT(names); i++) {
		const size_t n = i / COUNT(names);
		const struct policy_config config = {
		    .oversize = unscanned[n].wish,
		    .scan_fail = unscanned[COUNT(unscanned) - 1 - n].wish,
		    .rules = {list, 1}};
		const struct policy_facts f = {.config = &config,
		    .scanned = true,
		    .verdict = SCAN_OVERSIZE,
		    .name = names[i % COUNT(names)]};

		expect(&f, unscanned[n].fate_of_oversize,
		    about(&unscanned[n].fate_of_oversize, f.name));
	}
}

static void
a_verdict_that_nobody_gave(void **state)
{
	const struct policy_config config = {.action = WHEN_INFECTED_PASS,
	    .scan_fail = WHEN_UNSCANNED_PASS,
	    .oversize = WHEN_UNSCANNED_PASS};
	const struct policy_facts f = {.config = &config,
	    .scanned = true,
	    .verdict = (enum scan_verdict)77};

	(void)state;
	expect(&f, deferred, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(before_the_scan),
	    cmocka_unit_test(what_is_exempt_goes_on_unmarked),
	    cmocka_unit_test(clean_goes_on),
	    cmocka_unit_test(a_virus_has_its_action),
	    cmocka_unit_test(a_rule_goes_before_the_action),
	    cmocka_unit_test(a_rule_for_limits_goes_before_oversize),
	    cmocka_unit_test(without_a_verdict),
	    cmocka_unit_test(beyond_a_limit),
	    cmocka_unit_test(a_verdict_that_nobody_gave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
