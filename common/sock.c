/*
 * Sockets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
/* linux/netfilter_ipv4.h, which not every libc comes with */
#define SO_ORIGINAL_DST 80
#endif

#define RETRY_MS 20 /* between two tries to enter a full queue */

enum io
sock_wait(struct waiter *waiter, int fd, short events, struct deadline d)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	if (waiter != NULL)
		return waiter->wait(waiter, fd, events, d);
	do
		n = poll(&p, 1, deadline_left_ms(d));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return IO_ERROR;
	return n == 0 ? IO_TIMEOUT : IO_OK;
}

static void
send_at_once(int fd, const struct addr *a)
{
	const int on = 1;

	if (a->u.sa.sa_family == AF_INET)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int
new_socket(const struct addr *a)
{
	return socket(
	    a->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Remove the file of a socket on which nobody listens. */
static void
remove_stale(const struct addr *a)
{
	struct stat st;
	int fd;

	if (a->u.sa.sa_family != AF_UNIX || lstat(a->u.un.sun_path, &st) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return;
	fd = new_socket(a);
	if (fd < 0)
		return;
	if (connect(fd, &a->u.sa, a->len) < 0 && errno == ECONNREFUSED)
		(void)unlink(a->u.un.sun_path);
	(void)close(fd);
}

static int
close_failed(int fd)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
	return -1;
}

int
sock_listen(const struct addr *a)
{
	const int on = 1;
	int fd = new_socket(a);

	if (fd < 0)
		return -1;
	remove_stale(a);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	send_at_once(fd, a); /* accepted sockets inherit it */
	if (bind(fd, &a->u.sa, a->len) < 0 || listen(fd, SOMAXCONN) < 0)
		return close_failed(fd);
	return fd;
}

int
sock_give(const struct addr *a, uid_t uid, gid_t gid)
{
	struct stat st;
	int fd, rc;

	if (a->u.sa.sa_family != AF_UNIX)
		return 0;
	/* By descriptor: others may change what the path leads to. */
	fd = open(a->u.un.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_nlink != 1) {
		errno = EPERM;
		return close_failed(fd);
	}
	rc = fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
	return rc < 0 ? close_failed(fd) : close(fd);
}

void
sock_unlisten(int listener)
{
	struct addr a = {0};

	sock_local(listener, &a);
	if (a.len != 0 && a.u.sa.sa_family == AF_UNIX)
		(void)unlink(a.u.un.sun_path);
	(void)close(listener);
}

int
sock_accept(int listener, struct addr *peer)
{
	socklen_t len = sizeof peer->u;
	int fd =
	    accept4(listener, &peer->u.sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -1;
	peer->len = len;
	return fd;
}

/* Wait for the end of a connect(2) that is under way.  0, or -1 and errno. */
static int
await_connected(int fd, struct waiter *waiter, struct deadline d)
{
	socklen_t len = sizeof(int);
	int error = 0;

	switch (sock_wait(waiter, fd, POLLOUT, d)) {
	case IO_OK:
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			return -1;
		break;
	case IO_TIMEOUT:
		error = ETIMEDOUT;
		break;
	case IO_CANCELLED:
		error = ECANCELED;
		break;
	case IO_EOF:
	case IO_ERROR:
		return -1;
	}
	errno = error;
	return error == 0 ? 0 : -1;
}

/*
 * Let RETRY_MS pass, or less when the waiter ends it: no event is asked for on
 * the descriptor, which is not connected and would only say so (POLLHUP), so
 * -1 stands in for it.
 */
static int
pause_a_little(struct waiter *waiter, struct deadline d)
{
	if (deadline_left_ms(d) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	d = deadline_min(d, deadline_in(RETRY_MS));
	if (sock_wait(waiter, -1, 0, d) == IO_TIMEOUT)
		return 0;
	errno = ECANCELED;
	return -1;
}

int
sock_connect(const struct addr *a, struct waiter *waiter, struct deadline d)
{
	int fd = new_socket(a), rc;

	if (fd < 0)
		return -1;
	send_at_once(fd, a);
	do
		rc = connect(fd, &a->u.sa, a->len);
	while (rc < 0 && errno == EAGAIN && pause_a_little(waiter, d) == 0);
	if (rc < 0 && errno == EINPROGRESS)
		rc = await_connected(fd, waiter, d);
	return rc < 0 ? close_failed(fd) : fd;
}

bool
sock_is_drained(int fd)
{
	int left = 0;

#ifdef TIOCOUTQ
	if (ioctl(fd, TIOCOUTQ, &left) < 0)
		return true;
#else
	(void)fd;
#endif
	return left == 0;
}

void
sock_local(int fd, struct addr *local)
{
	socklen_t len = sizeof local->u;

	local->len = getsockname(fd, &local->u.sa, &len) < 0 ? 0 : len;
}

int
sock_original_destination(int fd, struct addr *destination)
{
#ifdef SO_ORIGINAL_DST
	socklen_t len = sizeof destination->u.in;

	if (getsockopt(
		fd, IPPROTO_IP, SO_ORIGINAL_DST, &destination->u.in, &len) < 0)
		return -1;
	destination->len = len;
	return 0;
#else
	(void)fd;
	(void)destination;
	errno = ENOPROTOOPT;
	return -1;
#endif
}
