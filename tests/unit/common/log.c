/*
 * Log lines on the console, which is a pipe here.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/log_console.h"
#include "tests/unit/unit.h"

/* The clock is ours. */
static int64_t now_ms = 1000;

static struct {
	int fds[2];
	int standard_error;
} console;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	ts->tv_sec = (time_t)(now_ms / 1000);
	ts->tv_nsec = (long)(now_ms % 1000 * 1000000);
	return 0;
}

static void
capture(void)
{
	assert_int_equal(pipe2(console.fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(console.fds[0], F_SETFL, O_NONBLOCK), 0);
	console.standard_error = dup(STDERR_FILENO);
	assert_int_equal(dup2(console.fds[1], STDERR_FILENO), STDERR_FILENO);
}

/* What has been written, as a string. */
static const char *
captured(void)
{
	static char text[1 << 17];
	ssize_t n = read(console.fds[0], text, sizeof text - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
release(void)
{
	assert_int_equal(
	    dup2(console.standard_error, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(console.standard_error), 0);
	assert_int_equal(close(console.fds[0]), 0);
	assert_int_equal(close(console.fds[1]), 0);
}

static void
writes_lines_up_to_its_level(void **state)
{
	(void)state;
	capture();
	errno = ENOENT;
	log_error("a: %m");
	assert_int_equal(errno, ENOENT);
	log_set_id("100001");
	log_info("b %d", 7);
	log_debug("c");
	log_set_id(NULL);
	log_write(LOG_DEBUG + 1, "d");
	assert_string_equal(captured(),
	    "test: a: No such file or directory\n"
	    "test: 100001: b 7\n"
	    "test: 100001: c\n");
	release();
}

static void
masks_and_cuts(void **state)
{
	char long_text[LOG_LINE_MAX + 10];
	const char *seen;

	(void)state;
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	capture();
	log_error("a\nb\x1b\x7f\xc2\x9b\x9b\xc3\xbc");
	assert_string_equal(captured(), "test: a?b?????\xc3\xbc\n");
	log_error("%s", long_text);
	seen = captured();
	assert_int_equal(strlen(seen), LOG_LINE_MAX);
	assert_string_equal(seen + LOG_LINE_MAX - 5, "x...\n");
	release();
}

static void
lines_that_strangers_cause_are_counted(void **state)
{
	(void)state;
	capture();
	for (int i = 0; i < 20000; i++)
		log_rarely(LOG_WARNING, "stranger %d", i);
	assert_string_equal(captured(), "test: stranger 0\n");
	now_ms += LOG_RARELY_MS - 1;
	log_info("other");
	assert_string_equal(captured(), "test: other\n");
	/* When its time is over, and something is logged. */
	now_ms += 1;
	log_set_id("100001");
	log_info("other");
	assert_string_equal(captured(),
	    "test: 19999 more like this: stranger 0\n"
	    "test: 100001: other\n");
	log_set_id(NULL);
	now_ms += 10 * LOG_RARELY_MS;
	log_info("other");
	assert_string_equal(captured(), "test: other\n");
	release();
}

static void
each_kind_counts_for_itself(void **state)
{
	(void)state;
	capture();
	for (int i = 0; i < 3; i++) {
		log_rarely(LOG_WARNING, "one");
		log_rarely(LOG_ERR, "two %%");
		now_ms += LOG_RARELY_MS / 3;
	}
	assert_string_equal(captured(), "test: one\ntest: two %\n");
	log_rarely(LOG_WARNING, "three");
	assert_string_equal(captured(),
	    "test: 2 more like this: two %\n"
	    "test: 2 more like this: one\n"
	    "test: three\n");
	/* At the end nothing is left untold. */
	for (int i = 0; i < 2; i++)
		log_rarely(LOG_WARNING, "four");
	log_close();
	assert_string_equal(
	    captured(), "test: four\ntest: 1 more like this: four\n");
	release();
}

static void
a_full_console_loses_lines(void **state)
{
	size_t in_pipe, lines = 0;
	const char *seen, *told;
	char want[128];

	(void)state;
	capture();
	for (unsigned i = 0; i < 3000; i++)
		log_error("%090u", i);
	seen = captured();
	in_pipe = strlen(seen);
	for (const char *p = seen; *p != '\0'; p++)
		lines += *p == '\n';
	assert_true(in_pipe <= 65536 && lines > 30 && lines < 3000);
	assert_int_equal(seen[in_pipe - 1], '\n');
	log_error("flows");
	told = captured();
	snprintf(want, sizeof want,
	    "test: %zu log lines were lost, since nobody took them\n"
	    "test: flows\n",
	    3000 - lines);
	assert_string_equal(told, want);
	release();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_lines_up_to_its_level),
	    cmocka_unit_test(masks_and_cuts),
	    cmocka_unit_test(lines_that_strangers_cause_are_counted),
	    cmocka_unit_test(each_kind_counts_for_itself),
	    cmocka_unit_test(a_full_console_loses_lines),
	};

	log_open("test");
	log_to_console(4);
	log_started();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
