/*
 * The accept loop: who is served, who is told what, and the stop.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/addr_spec.h"
#include "common/signals.h"
#include "common/sock.h"
#include "tests/unit/unit.h"

static char dir[64], path[80];

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clamsmtpd-server.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

/* Say hello and stay until the client has gone or the daemon stops. */
static void
greet(struct workers_client *client, void *context)
{
	struct pollfd p[2] = {{.fd = client->fd, .events = POLLIN},
	    {.fd = client->stop_fd, .events = POLLIN}};

	(void)context;
	(void)!write(client->fd, "hello", 5);
	(void)poll(p, 2, -1);
	if (p[1].revents != 0)
		(void)!write(client->fd, " bye", 4);
	(void)close(client->fd);
}

static struct addr
address(void)
{
	struct addr_spec spec;
	struct addr a;

	assert_int_equal(addr_spec_parse(&spec, path, 0), 0);
	assert_int_equal(addr_spec_fixed(&spec, NULL, &a), 0);
	return a;
}

/* The daemon, in a child of ours; its exit status is 0. */
static pid_t
start(void)
{
	struct addr a = address();
	struct listener l;
	pid_t child;

	assert_int_equal(listener_open(&l, &a, NULL), 0);
	child = fork();
	if (child == 0) {
		const struct server_config config = {.listeners = &l,
		    .listener_count = 1,
		    .max_clients = 2,
		    .busy = "busy",
		    .no_thread = "none",
		    .handle = greet};
		struct server s;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		signals_prepare();
		if (server_open(&s, &config) < 0)
			_exit(1);
		server_run(&s);
		listener_close(&l);
		server_drain(&s);
		_exit(0);
	}
	(void)close(l.fd);
	return child;
}

static void
stop(pid_t child)
{
	int status;

	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), -1);
}

static int
come_in(void)
{
	struct addr a = address();
	int fd = sock_connect(&a, NULL, deadline_in(10000));

	assert_true(fd >= 0);
	return fd;
}

/* The next octets are these. */
static void
expect(int fd, const char *want)
{
	char got[32] = "";
	size_t n = 0;

	while (n < strlen(want)) {
		ssize_t more = 0;

		assert_int_equal(
		    waiter_wait(NULL, fd, POLLIN, deadline_in(10000)), IO_OK);
		more = read(fd, got + n, strlen(want) - n);
		assert_true(more > 0);
		n += (size_t)more;
	}
	assert_string_equal(got, want);
}

static void
expect_end(int fd)
{
	char c;

	assert_int_equal(
	    waiter_wait(NULL, fd, POLLIN, deadline_in(10000)), IO_OK);
	assert_int_equal(read(fd, &c, 1), 0);
	(void)close(fd);
}

static void
test_one_too_many(void **state)
{
	pid_t child = start();
	int first = come_in(), second = come_in(), third;

	(void)state;
	expect(first, "hello");
	expect(second, "hello");
	third = come_in();
	expect(third, "busy");
	expect_end(third);
	stop(child);
	expect(first, " bye");
	expect_end(first);
	expect(second, " bye");
	expect_end(second);
}

static void
test_a_stop_among_many_connections(void **state)
{
	pid_t child = start();
	int fd = come_in();

	(void)state;
	expect(fd, "hello");
	for (int i = 0; i < 100; i++)
		(void)close(come_in());
	stop(child);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_too_many),
	    cmocka_unit_test(test_a_stop_among_many_connections),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
