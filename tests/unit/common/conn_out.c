/*
 * The output of a connection, with a peer that reads slowly, and a clock and a
 * sendfile(2) that are ours.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/conn_out.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define TIMEOUT_MS 2000
#define TURN_MS 100 /* of our clock, in which the peer reads once */
#define MUCH ((size_t)4 << 20) /* octets; more than a socket takes at once */

static int64_t now_ms = 1000;
static int sendfile_error; /* 0: it works */

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
ssize_t __real_sendfile(int to, int from, off_t *offset, size_t n);
ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t n);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	ts->tv_sec = (time_t)(now_ms / 1000);
	ts->tv_nsec = (long)(now_ms % 1000 * 1000000);
	return 0;
}

ssize_t
__wrap_sendfile(int to, int from, off_t *offset, size_t n)
{
	if (sendfile_error == 0)
		return __real_sendfile(to, from, offset, n);
	errno = sendfile_error;
	return -1;
}

/* A connection and its peer, which reads `rate` octets in each turn. */
struct play {
	struct waiter waiter; /* the first */
	struct conn conn;
	int peer;
	size_t rate;
	size_t heard;
	size_t period; /* octet n is n % period, unless that is 0 */
	void (*meanwhile)(struct play *); /* once, in the first wait */
};

static void
hear(struct play *p, size_t most)
{
	unsigned char in[65536];
	ssize_t n = recv(
	    p->peer, in, most < sizeof in ? most : sizeof in, MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++, p->heard++)
		if (p->period != 0)
			assert_int_equal(in[i], p->heard % p->period);
}

static enum io
wait_for(struct waiter *self, int fd, short events, struct deadline d)
{
	struct play *p = (struct play *)(void *)self;
	struct pollfd poll_fd = {.fd = fd, .events = events};
	void (*meanwhile)(struct play *) = p->meanwhile;

	p->meanwhile = NULL;
	if (meanwhile != NULL)
		meanwhile(p);
	while (deadline_left_ms(d) > 0) {
		now_ms += TURN_MS;
		hear(p, p->rate);
		if (poll(&poll_fd, 1, 0) > 0)
			return IO_OK;
	}
	return IO_TIMEOUT;
}

static void
connect_tcp(int fds[2])
{
	const int room = 65536;
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(
	    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&a, len), 0);
	fds[1] = accept(listener, NULL, NULL);
	assert_true(fds[1] >= 0);
	assert_int_equal(close(listener), 0);
}

static void
open_play(struct play *p, int family, size_t rate)
{
	const int room = 512 << 10;
	int fds[2];

	*p = (struct play){.waiter = {.wait = wait_for}, .rate = rate};
	if (family == AF_UNIX)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	else
		connect_tcp(fds);
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	p->peer = fds[1];
	conn_open(&p->conn, "TEST", fds[0], &p->waiter, TIMEOUT_MS);
}

static void
close_play(struct play *p)
{
	conn_close(&p->conn);
	assert_int_equal(close(p->peer), 0);
}

static const int families[] = {AF_UNIX, AF_INET};

/* 100 octets a second are enough; 8 KB in each turn are 80 KB a second. */
static void
a_slow_peer_has_all_the_time(void **state)
{
	char *data = calloc(1, MUCH);

	(void)state;
	for (size_t i = 0; i < COUNT(families); i++) {
		struct play p;
		int64_t begin = now_ms;

		open_play(&p, families[i], 8000);
		conn_put(&p.conn, data, MUCH);
		assert_int_equal(conn_flush(&p.conn), IO_OK);
		assert_true(now_ms - begin > 2 * TIMEOUT_MS);
		close_play(&p);
	}
	free(data);
}

static void
a_peer_that_takes_nothing_has_none(void **state)
{
	char *data = calloc(1, MUCH);

	(void)state;
	for (size_t i = 0; i < COUNT(families); i++) {
		struct play p;
		int64_t begin = now_ms;

		open_play(&p, families[i], 0);
		conn_put(&p.conn, data, MUCH);
		assert_int_equal(conn_flush(&p.conn), IO_TIMEOUT);
		assert_true(now_ms - begin >= TIMEOUT_MS);
		assert_true(now_ms - begin <= 2 * TIMEOUT_MS);
		close_play(&p);
	}
	free(data);
}

/* It had its share, but then it stopped. */
static void
a_peer_that_stops_is_left(void **state)
{
	char *data = calloc(1, MUCH);
	struct play p;
	int64_t begin = now_ms;

	(void)state;
	open_play(&p, AF_INET, 1); /* a tenth of what it should take */
	conn_put(&p.conn, data, MUCH);
	assert_int_equal(conn_flush(&p.conn), IO_TIMEOUT);
	assert_true(now_ms - begin <= 3 * TIMEOUT_MS);
	close_play(&p);
	free(data);
}

static void
put_more(struct play *p)
{
	char more[70000];

	/* What follows is the pattern's next octets. */
	for (size_t i = 0; i < sizeof more; i++)
		more[i] = (char)((MUCH + i) % p->period);
	conn_put(&p->conn, more, sizeof more);
	assert_int_equal(conn_flush(&p->conn), IO_OK);
}

/* A waiter may put more, which must not move what is being sent. */
static void
what_is_put_meanwhile_follows(void **state)
{
	unsigned char *data = malloc(MUCH);
	struct play p;

	(void)state;
	open_play(&p, AF_UNIX, 60000);
	p.period = 251;
	p.meanwhile = put_more;
	for (size_t i = 0; i < MUCH; i++)
		data[i] = (unsigned char)(i % p.period);
	conn_put(&p.conn, data, MUCH / 2);
	conn_lend(&p.conn, data + MUCH / 2, MUCH - MUCH / 2);
	assert_int_equal(conn_flush(&p.conn), IO_OK);
	while (p.heard < MUCH + 70000)
		hear(&p, 65536);
	conn_put(&p.conn, "", 0);
	assert_int_equal(conn_flush(&p.conn), IO_OK);
	close_play(&p);
	free(data);
}

static void
sends_files_without_sendfile(void **state)
{
	static const int errors[] = {ENOSYS, EPERM, EACCES, EINVAL};
	unsigned char *data = malloc(MUCH);
	char path[] = "/tmp/clamsmtpd-unit.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	for (size_t i = 0; i < MUCH; i++)
		data[i] = (unsigned char)(i % 251);
	assert_int_equal(write(fd, data, MUCH), MUCH);
	for (size_t i = 0; i < COUNT(errors); i++) {
		struct play p;

		open_play(&p, AF_UNIX, 60000);
		p.period = 251;
		sendfile_error = errors[i];
		conn_put(&p.conn, data, 251);
		assert_int_equal(
		    conn_sendfile(&p.conn, fd, 251 * 4, (off_t)MUCH - 251 * 4),
		    IO_OK);
		while (p.heard < MUCH - 251 * 3)
			hear(&p, 65536);
		/* As with it: the file ends before its time. */
		assert_int_equal(
		    conn_sendfile(&p.conn, fd, (off_t)MUCH - 1, 2), IO_ERROR);
		assert_int_equal(errno, EIO);
		close_play(&p);
	}
	sendfile_error = 0;
	assert_int_equal(close(fd), 0);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_slow_peer_has_all_the_time),
	    cmocka_unit_test(a_peer_that_takes_nothing_has_none),
	    cmocka_unit_test(a_peer_that_stops_is_left),
	    cmocka_unit_test(what_is_put_meanwhile_follows),
	    cmocka_unit_test(sends_files_without_sendfile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
