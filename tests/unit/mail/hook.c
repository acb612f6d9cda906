/*
 * The virus action: what it is told, how many run, and when.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "src/mail/hook_jobs.h"
#include "tests/unit/unit.h"

#define WAIT_MS 20000 /* more than any machine needs */

static char dir[] = "/tmp/clamsmtpd-unit.XXXXXX";
static char path[sizeof dir + 32];

static const char *
in_dir(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static bool
is_there(const char *name)
{
	return access(in_dir(name), F_OK) == 0;
}

static void
make(const char *name)
{
	int fd = open(in_dir(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static void
nap(void)
{
	assert_int_equal(waiter_wait(NULL, -1, 0, deadline_in(5)), IO_TIMEOUT);
}

#define UNTIL(condition)                                                       \
	do {                                                                   \
		struct deadline d = deadline_in(WAIT_MS);                      \
		while (!(condition)) {                                         \
			nap();                                                 \
			assert_true(deadline_left_ms(d) > 0);                  \
		}                                                              \
	} while (0)

/* A waiter that says at once that the wait is over. */
static enum io
give_up(struct waiter *self, int fd, short events, struct deadline d)
{
	(void)self;
	(void)fd;
	(void)events;
	(void)d;
	return IO_CANCELLED;
}

static struct waiter impatient = {.wait = give_up};

static int
run(const char *command, unsigned long *job, struct waiter *waiter)
{
	const struct hook_facts facts = {.client = "192.0.2.1",
	    .upstream = "",
	    .sender = "",
	    .recipients = "a@b\nc@d",
	    .virus = "Name of it",
	    .tmpdir = dir,
	    .email = "",
	    .remote = "",
	    .remote_helo = ""};

	return hook_run(command, &facts, job, waiter);
}

static void
knows_the_facts(void **state)
{
	char seen[256];
	unsigned long job = 0;
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(setenv("SENDER", "from outside", 1), 0);
	assert_int_equal(
	    run("printf '%s|' \"$CLIENT\" \"${SERVER-none}\" "
		"\"${SENDER-none}\" "
		"\"$RECIPIENTS\" \"$VIRUS\" \"${EMAIL-none}\" >$TMPDIR/x; "
		"mv $TMPDIR/x $TMPDIR/facts",
		&job, NULL),
	    0);
	assert_true(job != 0);
	UNTIL(is_there("facts"));
	UNTIL(!hook_jobs_is_running(job));
	fd = open(in_dir("facts"), O_RDONLY | O_CLOEXEC);
	n = read(fd, seen, sizeof seen - 1);
	assert_true(n > 0);
	seen[n] = '\0';
	assert_string_equal(seen, "192.0.2.1||none|a@b\nc@d|Name of it|none|");
	close(fd);
}

static void
the_one_before_has_to_end(void **state)
{
	unsigned long job = 0, first;

	(void)state;
	assert_int_equal(
	    run("until test -e $TMPDIR/go; do sleep 0.01; done; : >$TMPDIR/1",
		&job, NULL),
	    0);
	first = job;
	errno = 0;
	assert_int_equal(run(": >$TMPDIR/early", &job, &impatient), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(job, first);
	make("go");
	assert_int_equal(
	    run("test -e $TMPDIR/1 && : >$TMPDIR/2", &job, NULL), 0);
	assert_true(job != first);
	UNTIL(is_there("2"));
	assert_false(is_there("early"));
}

static void
so_many_run_at_once(void **state)
{
	unsigned long jobs[HOOK_JOBS_MAX] = {0}, other = 0;

	(void)state;
	for (int i = 0; i < HOOK_JOBS_MAX; i++)
		assert_int_equal(
		    run("until test -e $TMPDIR/all; do sleep 0.05; done",
			&jobs[i], NULL),
		    0);
	assert_int_equal(run(": >$TMPDIR/more", &other, &impatient), -1);
	assert_int_equal(errno, EBUSY);
	make("all");
	assert_int_equal(run(": >$TMPDIR/more", &other, NULL), 0);
	UNTIL(is_there("more"));
	for (int i = 0; i < HOOK_JOBS_MAX; i++)
		UNTIL(!hook_jobs_is_running(jobs[i]));
}

static void
an_end_that_is_no_success_is_logged(void **state)
{
	static const struct {
		const char *command, *line;
	} cases[] = {
	    {"exit 3", "test: virus action ended with exit status 3\n"},
	    {"kill -9 $$", "test: virus action ended by signal 9\n"},
	    {"/no/such/program",
		"test: virus action could not be executed (exit status 127)\n"},
	};
	char seen[256];
	unsigned long job = 0;
	int fds[2], standard_error = dup(STDERR_FILENO);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		ssize_t n;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
		assert_int_equal(run(cases[i].command, &job, NULL), 0);
		n = read(fds[0], seen, sizeof seen - 1);
		assert_int_equal(
		    dup2(standard_error, STDERR_FILENO), STDERR_FILENO);
		seen[n < 0 ? 0 : n] = '\0';
		assert_string_equal(seen, cases[i].line);
		close(fds[0]);
		close(fds[1]);
	}
	close(standard_error);
	assert_int_equal(run("exit 0", &job, NULL), 0);
}

static int
set_up(void **state)
{
	(void)state;
	log_open("test");
	log_to_console(LOG_WARNING - LOG_ERR);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = {
	    "facts", "go", "1", "2", "all", "more"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		(void)unlink(in_dir(names[i]));
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_the_facts),
	    cmocka_unit_test(the_one_before_has_to_end),
	    cmocka_unit_test(so_many_run_at_once),
	    cmocka_unit_test(an_end_that_is_no_success_is_logged),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
