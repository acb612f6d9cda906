/*
 * Signals: what stops, what is ignored, what a program of ours gets back.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/signals.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static const int stopping[] = {SIGTERM, SIGINT, SIGQUIT};
static const int ignored[] = {
    SIGPIPE, SIGXFSZ, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO};

/* Each stop is for life, so each is a child's. */
static void
expect_stop(int signo)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		signals_prepare();
		(void)raise(signo); /* blocked: it waits */
		if (signals_stop() || signals_poll(NULL, 0, 0) != -1 ||
		    errno != EINTR || !signals_stop())
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
test_stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(stopping); i++)
		expect_stop(stopping[i]);
}

static void
test_ignored(void **state)
{
	sigset_t changed;

	(void)state;
	signals_prepare();
	signals_changed(&changed);
	for (size_t i = 0; i < COUNT(ignored); i++) {
		assert_int_equal(raise(ignored[i]), 0);
		assert_int_equal(sigismember(&changed, ignored[i]), 1);
	}
	assert_int_equal(sigismember(&changed, SIGCHLD), 1);
	assert_int_equal(sigismember(&changed, SIGTERM), 0);
	assert_int_equal(signals_poll(NULL, 0, 0), 0);
	assert_false(signals_stop());
}

/* It waits until it is asked for, and ends no other wait. */
static void
test_report(void **state)
{
	(void)state;
	signals_prepare();
	assert_false(signals_await_report(0));
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(signals_poll(NULL, 0, 0), 0);
	assert_true(signals_await_report(60000));
	assert_false(signals_await_report(0));
	assert_false(signals_stop());
}

static void
test_poll(void **state)
{
	struct pollfd p = {.events = POLLIN};
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	p.fd = fds[0];
	assert_int_equal(signals_poll(&p, 1, 0), 0);
	assert_int_equal(signals_poll(NULL, 0, 1), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(signals_poll(&p, 1, -1), 1);
	assert_int_equal(p.revents, POLLIN);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* It waits for the one that takes it, and ends no other wait. */
static void
test_reload(void **state)
{
	(void)state;
	signals_prepare();
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(signals_poll(NULL, 0, 0), 0);
	signals_await_reload();
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(raise(SIGHUP), 0);
	signals_await_reload();
	assert_false(signals_stop());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stop),
	    cmocka_unit_test(test_ignored),
	    cmocka_unit_test(test_report),
	    cmocka_unit_test(test_poll),
	    cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
