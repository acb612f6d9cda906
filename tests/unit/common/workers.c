/*
 * The threads: how many serve, who waits, how they end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/workers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define MAX 3

/* A handler tells its number through one pipe, and ends at a word from the
 * other one or at the stop. */
static int told[2], go[2];

static void
handle(struct workers_client *client, void *context)
{
	struct pollfd p[2] = {{.fd = go[0], .events = POLLIN},
	    {.fd = client->stop_fd, .events = POLLIN}};
	char word = (char)('0' + client->number);

	if (context != told || client->fd != 1000 || client->peer.len != 7)
		word = '!';
	(void)!write(told[1], &word, 1);
	/* All handlers see a word, and one of them gets it. */
	do
		(void)poll(p, 2, -1);
	while (p[1].revents == 0 && read(go[0], &word, 1) < 1);
}

static int
set_up(void **state)
{
	(void)state;
	return pipe(told) | pipe2(go, O_NONBLOCK);
}

static int
tear_down(void **state)
{
	(void)state;
	return close(told[0]) | close(told[1]) | close(go[0]) | close(go[1]);
}

static void
expect_told(char want)
{
	char word;

	assert_int_equal(read(told[0], &word, 1), 1);
	assert_int_equal(word, want);
}

static enum workers_answer
give(struct workers *w)
{
	const struct addr peer = {.len = 7};

	return workers_give(w, 1000, &peer);
}

static int
count_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

static void
test_as_many_as_may(void **state)
{
	struct workers w;

	(void)state;
	assert_int_equal(workers_init(&w, MAX, handle, told), 0);
	for (int i = 0; i < MAX; i++) {
		assert_int_equal(give(&w), WORKERS_TAKEN);
		expect_told((char)('0' + i));
	}
	assert_int_equal(give(&w), WORKERS_BUSY);
	assert_int_equal(write(go[1], "x", 1), 1);
	while (give(&w) == WORKERS_BUSY)
		(void)poll(NULL, 0, 1);
	/* Those that were turned away have no number. */
	expect_told('3');
	workers_stop(&w, NULL);
	assert_int_equal(count_threads(), 1);
}

/* However fast they come and go, there are no more threads than clients. */
static void
test_threads_are_used_again(void **state)
{
	struct workers w;

	(void)state;
	assert_int_equal(workers_init(&w, MAX, handle, told), 0);
	for (int i = 0; i < 60; i++) {
		while (give(&w) == WORKERS_BUSY)
			(void)poll(NULL, 0, 1);
		assert_true(count_threads() <= MAX + 1);
		expect_told((char)('0' + i));
		if (i >= MAX - 1)
			assert_int_equal(write(go[1], "x", 1), 1);
	}
	workers_stop(&w, NULL);
}

static void
test_a_stop_ends_all(void **state)
{
	struct workers w;

	(void)state;
	assert_int_equal(workers_init(&w, MAX, handle, told), 0);
	workers_stop(&w, NULL);
	assert_int_equal(workers_init(&w, MAX, handle, told), 0);
	assert_int_equal(give(&w), WORKERS_TAKEN);
	assert_int_equal(give(&w), WORKERS_TAKEN);
	workers_stop(&w, NULL);
	assert_int_equal(count_threads(), 1);
}

static void
test_no_descriptor_to_begin(void **state)
{
	struct rlimit before, none;
	struct workers w;
	int rc, error;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = workers_init(&w, MAX, handle, told);
	error = errno;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, -1);
	assert_int_equal(error, EMFILE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_as_many_as_may, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_threads_are_used_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_a_stop_ends_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_no_descriptor_to_begin, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
