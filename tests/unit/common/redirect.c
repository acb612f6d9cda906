/*
 * Redirected connections, as far as nothing redirects one; the end-to-end tests
 * have the packet filter for that.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/redirect.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/listener.h"
#include "common/sock.h"
#include "tests/unit/unit.h"

/* Connect to a listener at host: what would be where the connection was to go is
 * our own side, unless the packet filter keeps book (TPROXY). */
static void
finds_our_own_side(const char *host)
{
	struct addr a, peer, destination;
	struct listener l;
	int client, server;

	assert_int_equal(addr_parse_number(&a, host, strlen(host), 0), 0);
	if (listener_open(&l, &a, NULL) < 0) {
		print_message("skipped: %s: %s\n", host, strerror(errno));
		skip();
	}
	sock_local(l.fd, &a);
	client = sock_connect(&a, NULL, deadline_in(10000));
	assert_true(client >= 0);
	server = listener_accept(&l, &peer);
	assert_true(server >= 0);
	assert_int_equal(redirect_destination(server, &destination), 0);
	assert_true(addr_same(&destination, &a));
	(void)close(client);
	(void)close(server);
	listener_close(&l);
}

static void
test_ipv4(void **state)
{
	(void)state;
	finds_our_own_side("127.0.0.1");
}

static void
test_ipv6(void **state)
{
	(void)state;
	finds_our_own_side("::1");
}

static void
test_errors(void **state)
{
	struct addr a;
	int pair[2];

	(void)state;
	errno = 0;
	assert_int_equal(redirect_destination(-1, &a), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(redirect_destination(pair[0], &a), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_int_equal(
	    addr_parse_number(&a, "127.0.0.1", strlen("127.0.0.1"), 0), 0);
	assert_int_equal(redirect_allow(-1, &a), -1);
	assert_int_equal(errno, EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ipv4),
	    cmocka_unit_test(test_ipv6),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
