/*
 * What can be known of a command without running it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/shell.h"

#include <sys/wait.h>

#include "tests/unit/unit.h"

#define NO_PROGRAM "there is no such program"
#define NO_PARSE "the shell cannot parse it"

static const struct {
	const char *command;
	const char *fault; /* NULL: none that can be known */
} cases[] = {
    {"true", NULL},
    {"  true;false", NULL},
    {"exit 3", NULL},
    {"/bin/sh -c 'no such'", NULL},
    {"A=b C=d true", NULL},
    {"(no-such-program)", NULL},
    {"\"$SHELL\" -c x", NULL},
    {"if true; then no-such-program; fi", NULL},
    {"test -e /x || true", NULL},
    {"env -0 >/tmp/x.new && mv /tmp/x.new /tmp/x", NULL},
    {"no-such-program", NO_PROGRAM},
    {"no-such-program arg", NO_PROGRAM},
    {"A=b no-such-program;true", NO_PROGRAM},
    {"/no/such/program \"$VIRUS\"", NO_PROGRAM},
    {"/tmp", NO_PROGRAM},
    {"/etc/passwd", "the daemon's user may not execute it"},
    {"echo \"$VIRUS", NO_PARSE},
    {"echo 'x", NO_PARSE},
    {"if true", NO_PARSE},
    {"echo (", NO_PARSE},
    {"true &&", NO_PARSE},
};

static void
knows_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text t = {
		    cases[i].command, strlen(cases[i].command)};
		const char *fault = shell_fault(cases[i].command);

		if (fault == NULL || cases[i].fault == NULL)
			expect_number(
			    t, "fault", fault != NULL, cases[i].fault != NULL);
		else
			assert_string_equal(fault, cases[i].fault);
	}
}

static void
runs_a_command(void **state)
{
	char sign[] = "SIGN=7";
	char *env[] = {sign, NULL};
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(shell_start(&pid, "exit $SIGN", env), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_faults),
	    cmocka_unit_test(runs_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
