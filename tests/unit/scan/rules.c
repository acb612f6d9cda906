/*
 * Rules by the names of viruses: how they are read, and which one counts.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/rules.h"

#include <errno.h>

#include "tests/unit/unit.h"

static const struct {
	const char *value, *pattern;
	enum when_infected action;
} right[] = {
    {"Eicar drop", "Eicar", WHEN_INFECTED_DROP},
    {"PUA.* bounce", "PUA.*", WHEN_INFECTED_BOUNCE},
    {"*\tPASS", "*", WHEN_INFECTED_PASS},
    {"  a name  of  blanks \t Tempfail \t", "a name  of  blanks",
	WHEN_INFECTED_TEMPFAIL},
    {"pass drop", "pass", WHEN_INFECTED_DROP},
    {"# pass", "#", WHEN_INFECTED_PASS},
    {"[ pass", "[", WHEN_INFECTED_PASS},
    {"\"x\" pass", "\"x\"", WHEN_INFECTED_PASS},
};

static void
reads_pattern_and_action(void **state)
{
	struct rules r = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		assert_int_equal(rules_add(&r, right[i].value), 0);
		assert_int_equal(r.count, i + 1);
		assert_string_equal(r.list[i].pattern, right[i].pattern);
		assert_int_equal(r.list[i].action, right[i].action);
	}
	rules_free(&r);
	assert_int_equal(r.count, 0);
	rules_free(&r);
}

static void
refuses_what_is_no_rule(void **state)
{
	static const char *const wrong[] = {"", " ", "drop", " pass ", "Eicar",
	    "Eicar reject", "Eicar drop # why", "Eicar: drop,",
	    "Eicar \"drop\"", "pass Eicar"};
	struct rules r = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		errno = 0;
		assert_int_equal(rules_add(&r, wrong[i]), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(r.count, 0);
	}
	rules_free(&r);
}

/* What the rules of the list say to a name; ' ' for nothing. */
static const struct {
	const char *rules[5];
	const char *name;
	char says, says_of_limit;
} finds[] = {
    {{NULL}, "Eicar", ' ', ' '},
    /* The whole name, whatever its case. */
    {{"eicar pass"}, "EICAR", 'p', ' '},
    {{"EICAR pass"}, "eicar", 'p', ' '},
    {{"Eicar pass"}, "Eicar-Test", ' ', ' '},
    {{"Test pass"}, "Eicar-Test", ' ', ' '},
    {{"*Test pass"}, "Eicar-Test", 'p', ' '},
    {{"E?c[a-b]r pass"}, "eiCAR", 'p', ' '},
    {{"E\\*r pass"}, "Eicar", ' ', ' '},
    {{"E\\*r pass"}, "E*r", 'p', ' '},
    {{"* pass"}, ".a/b c", 'p', ' '},
    {{"?.a/b* pass"}, "..a/b c", 'p', ' '},
    {{"two words pass"}, "Two Words", 'p', ' '},
    {{"two words pass"}, "Two", ' ', ' '},
    {{"* pass"}, "", 'p', ' '},
    /* The first one counts. */
    {{"PUA.Good pass", "PUA.* bounce", "* tempfail"}, "PUA.Good", 'p', ' '},
    {{"PUA.Good pass", "PUA.* bounce", "* tempfail"}, "PUA.Bad", 'b', ' '},
    {{"PUA.Good pass", "PUA.* bounce", "* tempfail"}, "Worm", 't', ' '},
    {{"* drop", "Worm pass"}, "Worm", 'd', ' '},
    /* Limits know their own rules alone; viruses know all. */
    {{"* pass", "Heuristics.* drop", "Heuristics.Limits.* bounce"},
	"Heuristics.Limits.Exceeded.MaxFiles", 'p', 'b'},
    {{"HEURISTICS.LIMITS.* pass"}, "Heuristics.Limits.Exceeded", 'p', 'p'},
    {{"Heuristics.Limits* pass"}, "Heuristics.Limits.Exceeded", 'p', ' '},
    {{"Heuristics?Limits.* pass"}, "Heuristics.Limits.Exceeded", 'p', ' '},
    {{"Heuristics.Limits.Exceeded.MaxScan* tempfail",
	 "Heuristics.Limits.* pass"},
	"Heuristics.Limits.Exceeded.MaxScanTime", 't', 't'},
    {{"Heuristics.Limits.Exceeded.MaxScan* tempfail",
	 "Heuristics.Limits.* pass"},
	"Heuristics.Limits.Exceeded.MaxFiles", 'p', 'p'},
    {{"Heuristics.Limits.* pass"}, "StreamMaxLength", ' ', ' '},
};

static char
say(bool found, enum when_infected action)
{
	return found ? "dbpt"[action] : ' ';
}

static void
finds_the_first_that_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(finds); i++) {
		struct rules r = {0};
		enum when_infected action = WHEN_INFECTED_DROP;
		bool found;

		for (size_t j = 0; finds[i].rules[j] != NULL; j++)
			assert_int_equal(rules_add(&r, finds[i].rules[j]), 0);
		found = rules_find(&r, finds[i].name, &action);
		if (say(found, action) != finds[i].says)
			fail_msg("case %zu", i);
		found = rules_find_for_limit(&r, finds[i].name, &action);
		if (say(found, action) != finds[i].says_of_limit)
			fail_msg("case %zu, a limit", i);
		rules_free(&r);
	}
}

static void
says_nothing_where_none_fits(void **state)
{
	struct rules r = {0};
	enum when_infected action = WHEN_INFECTED_BOUNCE;

	(void)state;
	assert_int_equal(rules_add(&r, "x pass"), 0);
	assert_false(rules_find(&r, "y", &action));
	assert_int_equal(action, WHEN_INFECTED_BOUNCE);
	rules_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_pattern_and_action),
	    cmocka_unit_test(refuses_what_is_no_rule),
	    cmocka_unit_test(finds_the_first_that_fits),
	    cmocka_unit_test(says_nothing_where_none_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
