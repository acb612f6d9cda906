/*
 * Sockets: connecting, waiting, and where they lead.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr_spec.h"
#include "common/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/listener.h"
#include "tests/unit/unit.h"

static struct addr
address(const char *text)
{
	struct addr_spec spec;
	struct addr a;

	assert_int_equal(addr_spec_parse(&spec, text, 0), 0);
	assert_int_equal(addr_spec_fixed(&spec, NULL, &a), 0);
	return a;
}

/* A listener on a free port of this host, at *a. */
static void
open_port(struct listener *l, struct addr *a)
{
	*a = address("127.0.0.1:1");
	a->u.in.sin_port = 0;
	assert_int_equal(listener_open(l, a, NULL), 0);
	sock_local(l->fd, a);
	assert_int_not_equal(a->u.in.sin_port, 0);
}

static void
expect_nodelay(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;

	assert_int_equal(
	    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_int_not_equal(on, 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void
test_connect(void **state)
{
	struct addr a, peer, local;
	struct listener l;
	int fd, theirs;

	(void)state;
	open_port(&l, &a);
	fd = sock_connect(&a, NULL, deadline_in(10000));
	assert_true(fd >= 0);
	expect_nodelay(fd);
	theirs = listener_accept(&l, &peer);
	expect_nodelay(theirs);
	sock_local(fd, &local);
	assert_memory_equal(&local.u.in, &peer.u.in, sizeof local.u.in);
	(void)close(fd);
	(void)close(theirs);
	listener_close(&l);
	assert_int_equal(sock_connect(&a, NULL, deadline_in(10000)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	a = address("/tmp/clamsmtpd-no-such-socket");
	assert_int_equal(sock_connect(&a, NULL, deadline_in(10000)), -1);
	assert_int_equal(errno, ENOENT);
}

/* A local socket whose queue is full is waited for. */
static void
test_a_full_queue(void **state)
{
	char dir[] = "/tmp/clamsmtpd-sock.XXXXXX", path[64];
	struct addr a, peer;
	struct listener l;
	int fds[8], n = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	a = address(path);
	assert_int_equal(listener_open(&l, &a, NULL), 0);
	assert_int_equal(listen(l.fd, 1), 0);
	do
		fds[n] = sock_connect(&a, NULL, deadline_in(50));
	while (fds[n] >= 0 && ++n < 8);
	assert_true(n < 8);
	assert_int_equal(errno, ETIMEDOUT);
	(void)close(listener_accept(&l, &peer));
	fds[n] = sock_connect(&a, NULL, deadline_in(10000));
	assert_true(fds[n] >= 0);
	while (n >= 0)
		(void)close(fds[n--]);
	listener_close(&l);
	assert_int_equal(rmdir(dir), 0);
}

static enum io
end_at_once(struct waiter *self, int fd, short events, struct deadline d)
{
	(void)self;
	(void)fd;
	(void)events;
	(void)d;
	return IO_CANCELLED;
}

static void
test_a_waiter_ends_it(void **state)
{
	struct waiter waiter = {.wait = end_at_once};
	struct addr a;
	struct listener l;
	int fd;

	(void)state;
	open_port(&l, &a);
	fd = sock_connect(&a, &waiter, deadline_in(10000));
	if (fd < 0) /* else there was nothing to wait for */
		assert_int_equal(errno, ECANCELED);
	else
		(void)close(fd);
	assert_int_equal(
	    waiter_wait(&waiter, l.fd, POLLIN, deadline_in(0)), IO_CANCELLED);
	listener_close(&l);
}

static void
test_wait(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(
	    waiter_wait(NULL, fds[0], POLLIN, deadline_in(1)), IO_TIMEOUT);
	assert_int_equal(
	    waiter_wait(NULL, fds[1], POLLOUT, deadline_in(0)), IO_OK);
	(void)close(fds[1]);
	assert_int_equal(
	    waiter_wait(NULL, fds[0], POLLIN, deadline_in(0)), IO_OK);
	(void)close(fds[0]);
}

static void
test_no_address(void **state)
{
	struct addr a;

	(void)state;
	sock_local(-1, &a);
	assert_int_equal(a.len, 0);
	errno = ENOSPC;
	assert_int_equal(sock_close_failed(-1), -1);
	assert_int_equal(errno, ENOSPC);
}

static void
test_pass(void **state)
{
	char room[CMSG_SPACE(sizeof(int))], octets[16];
	struct iovec iov = {.iov_base = octets, .iov_len = sizeof octets};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = room,
	    .msg_controllen = sizeof room};
	int pair[2], sent[2], got;
	char octet;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(sent), 0);
	assert_int_equal(write(sent[1], "x", 1), 1);
	assert_int_equal(sock_pass(pair[0], "a\0b", 3, sent[0]), 0);
	assert_int_equal(recvmsg(pair[1], &msg, 0), 3);
	assert_memory_equal(octets, "a\0b", 3);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof got);
	assert_int_equal(read(got, &octet, 1), 1);
	assert_int_equal(octet, 'x');
	assert_int_equal(close(got), 0);
	assert_int_equal(sock_pass(pair[0], octets, 65, sent[0]), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(sock_pass(pair[0], octets, 3, -1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(close(pair[1]), 0);
	assert_int_equal(sock_pass(pair[0], octets, 3, sent[0]), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(close(pair[0]), 0);
	assert_int_equal(close(sent[0]), 0);
	assert_int_equal(close(sent[1]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_connect),
	    cmocka_unit_test(test_a_full_queue),
	    cmocka_unit_test(test_a_waiter_ends_it),
	    cmocka_unit_test(test_wait),
	    cmocka_unit_test(test_pass),
	    cmocka_unit_test(test_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
