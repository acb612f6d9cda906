/*
 * Listening sockets: who gets a path, and who removes its file.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/addr_spec.h"
#include "common/sock.h"
#include "tests/unit/unit.h"

static char dir[64], path[80];

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clamsmtpd-listener.XXXXXX");
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

static struct addr
address(const char *text)
{
	struct addr_spec spec;
	struct addr a;

	assert_int_equal(addr_spec_parse(&spec, text, 0), 0);
	assert_int_equal(addr_spec_fixed(&spec, NULL, &a), 0);
	return a;
}

/* A socket's file on which nobody listens. */
static void
leave_file(void)
{
	struct addr a = address(path);
	int fd = sock_new(&a);

	(void)unlink(path);
	assert_int_equal(bind(fd, &a.u.sa, a.len), 0);
	assert_int_equal(close(fd), 0);
}

static bool
connects(const struct addr *a)
{
	int fd = sock_connect(a, NULL, deadline_in(1000));

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void
test_accept(void **state)
{
	struct addr a = address(path), peer;
	struct listener l;
	int client, fd;

	(void)state;
	assert_int_equal(listener_open(&l, &a, NULL), 0);
	assert_int_equal(listener_accept(&l, &peer), -1);
	assert_int_equal(errno, EAGAIN);
	client = sock_connect(&a, NULL, deadline_in(1000));
	assert_true(client >= 0);
	fd = listener_accept(&l, &peer);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(peer.u.sa.sa_family, AF_UNIX);
	(void)close(fd);
	(void)close(client);
	listener_close(&l);
	assert_int_equal(l.fd, -1);
	listener_close(&l);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_port(void **state)
{
	struct addr a = address("127.0.0.1:1"), bound, peer;
	struct listener l, other;
	int client, fd;

	(void)state;
	a.u.in.sin_port = 0;
	assert_int_equal(listener_open(&l, &a, NULL), 0);
	sock_local(l.fd, &bound);
	assert_int_equal(listener_open(&other, &bound, NULL), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(other.fd, -1);
	client = sock_connect(&bound, NULL, deadline_in(1000));
	fd = listener_accept(&l, &peer);
	assert_int_equal(peer.u.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(listener_give(&l, getuid(), getgid()), 0);
	listener_close(&l);
	/* Connections of the one before are no hindrance. */
	assert_int_equal(listener_open(&l, &bound, NULL), 0);
	listener_close(&l);
	(void)close(fd);
	(void)close(client);
}

static void
test_taken_paths(void **state)
{
	struct addr a = address(path);
	struct listener l, other;
	struct stat before, after;
	int fd;

	(void)state;
	assert_int_equal(listener_open(&l, &a, NULL), 0);
	assert_int_equal(lstat(path, &before), 0);
	assert_int_equal(listener_open(&other, &a, NULL), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(lstat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	listener_close(&l);

	fd = open(path, O_CREAT | O_WRONLY, 0600);
	(void)close(fd);
	assert_int_equal(listener_open(&l, &a, NULL), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nonexistent", path), 0);
	assert_int_equal(listener_open(&l, &a, NULL), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(unlink(path), 0);

	leave_file();
	assert_int_equal(listener_open(&l, &a, NULL), 0);
	listener_close(&l);
}

/* Only the owner's is replaced. */
static void
test_left_files_of_others(void **state)
{
	const struct listener_way other = {.owner = geteuid() + 1};
	struct addr a = address(path);
	struct listener l;
	struct stat before, after;

	(void)state;
	leave_file();
	assert_int_equal(lstat(path, &before), 0);
	assert_int_equal(listener_open(&l, &a, &other), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(lstat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(listener_open(&l, &a, NULL), 0);
	listener_close(&l);
}

/* Its directory decides who gets there. */
static void
test_mode(void **state)
{
	const mode_t mask = umask(0077);
	struct addr a = address(path);
	struct listener l;
	struct stat st;

	(void)state;
	assert_int_equal(listener_open(&l, &a, NULL), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	listener_close(&l);
	assert_int_equal(umask(mask), 0077);
}

/* [::] leaves 0.0.0.0 to others. */
static void
test_ipv6_alone(void **state)
{
	struct addr any = address("[::]:1"), any4 = address("0.0.0.0:1");
	struct listener l, l4;

	(void)state;
	addr_set_port(&any, 0);
	if (listener_open(&l, &any, NULL) < 0) {
		print_message("skipped: no IPv6: %s\n", strerror(errno));
		skip();
	}
	sock_local(l.fd, &any);
	addr_set_port(&any4, addr_port(&any));
	assert_false(connects(&any4));
	assert_true(connects(&any));
	/* Somebody else's connection may have that port of IPv4 by now. */
	if (listener_open(&l4, &any4, NULL) == 0) {
		assert_true(connects(&any4));
		listener_close(&l4);
	} else
		assert_false(connects(&any4));
	listener_close(&l);
}

/* What another process has opened is taken as it is, and its file stays. */
static void
test_adopt(void **state)
{
	struct addr a = address(path), peer;
	struct listener l;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), client;

	(void)state;
	assert_int_equal(bind(fd, &a.u.sa, a.len), 0);
	assert_int_equal(listener_adopt(&l, fd), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(listener_adopt(&l, fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(listener_accept(&l, &peer), -1);
	assert_int_equal(errno, EAGAIN);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(client, &a.u.sa, a.len), 0);
	fd = listener_accept(&l, &peer);
	assert_true(fd >= 0);
	(void)close(fd);
	(void)close(client);
	listener_close(&l);
	assert_int_equal(access(path, F_OK), 0);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(listener_adopt(&l, fd), -1);
	assert_int_equal(errno, ESOCKTNOSUPPORT);
	(void)close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(listener_adopt(&l, fd), -1);
	assert_int_equal(errno, ENOTSOCK);
	(void)close(fd);
}

static void
test_another_ones_file(void **state)
{
	struct addr a = address(path);
	struct listener first, second;

	(void)state;
	assert_int_equal(listener_open(&first, &a, NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(listener_open(&second, &a, NULL), 0);
	assert_int_equal(listener_give(&first, getuid(), getgid()), -1);
	assert_int_equal(errno, EPERM);
	listener_close(&first);
	assert_true(connects(&a));
	assert_int_equal(listener_give(&second, getuid(), getgid()), 0);
	listener_close(&second);
}

static void
test_no_directory(void **state)
{
	struct addr a = address("/tmp/clamsmtpd-no-such-directory/s");
	struct listener l;

	(void)state;
	assert_int_equal(listener_open(&l, &a, NULL), -1);
	assert_int_equal(errno, ENOENT);
	a = address("/clamsmtpd-unit-test");
	if (listener_open(&l, &a, NULL) == 0) /* root may */
		listener_close(&l);
}

/* Wait for a word to go, then open; stay until the other pipe ends. */
static void __attribute__((noreturn))
compete(const struct addr *a, int go, int tell, int stay)
{
	struct listener l;
	char word;

	(void)!read(go, &word, 1);
	word = listener_open(&l, a, NULL) == 0 ? '1' : '0';
	(void)!write(tell, &word, 1);
	(void)!read(stay, &word, 1);
	_exit(0);
}

#define RIVALS 8
#define ROUNDS 150

static void
test_one_of_many_wins(void **state)
{
	struct addr a = address(path);

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int go[2], tell[2], stay[2], winners = 0;
		char words[RIVALS];

		leave_file();
		assert_int_equal(pipe(go) | pipe(tell) | pipe(stay), 0);
		for (int i = 0; i < RIVALS; i++) {
			if (fork() == 0) {
				(void)close(stay[1]);
				compete(&a, go[0], tell[1], stay[0]);
			}
		}
		memset(words, 'x', sizeof words);
		assert_int_equal(write(go[1], words, RIVALS), RIVALS);
		for (int i = 0; i < RIVALS; i++) {
			assert_int_equal(read(tell[0], &words[i], 1), 1);
			winners += words[i] == '1';
		}
		assert_int_equal(winners, 1);
		assert_true(connects(&a));
		(void)close(stay[1]);
		while (wait(NULL) > 0)
			continue;
		(void)close(stay[0]);
		(void)close(go[0]);
		(void)close(go[1]);
		(void)close(tell[0]);
		(void)close(tell[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_accept),
	    cmocka_unit_test(test_port),
	    cmocka_unit_test(test_taken_paths),
	    cmocka_unit_test(test_left_files_of_others),
	    cmocka_unit_test(test_mode),
	    cmocka_unit_test(test_ipv6_alone),
	    cmocka_unit_test(test_adopt),
	    cmocka_unit_test(test_another_ones_file),
	    cmocka_unit_test(test_no_directory),
	    cmocka_unit_test(test_one_of_many_wins),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
