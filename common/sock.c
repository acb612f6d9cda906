/*
 * Sockets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/sock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RETRY_MS 20 /* between two tries to enter a full queue */

int
sock_new(const struct addr *a)
{
	const int on = 1;
	int fd = socket(
	    a->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && addr_is_inet(a))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/* [::] is not 0.0.0.0 as well, whatever the system's default is. */
	if (fd >= 0 && a->u.sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	return fd;
}

int
sock_close_failed(int fd)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
	return -1;
}

/* Wait for the end of a connect(2) that is under way.  0, or -1 and errno. */
static int
await_connected(int fd, struct waiter *waiter, struct deadline d)
{
	socklen_t len = sizeof(int);
	int error = 0;

	switch (waiter_wait(waiter, fd, POLLOUT, d)) {
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
	if (waiter_wait(waiter, -1, 0, d) == IO_TIMEOUT)
		return 0;
	errno = ECANCELED;
	return -1;
}

int
sock_connect(const struct addr *a, struct waiter *waiter, struct deadline d)
{
	int fd = sock_new(a), rc;

	if (fd < 0)
		return -1;
	do
		rc = connect(fd, &a->u.sa, a->len);
	while (rc < 0 && errno == EAGAIN && pause_a_little(waiter, d) == 0);
	if (rc < 0 && errno == EINPROGRESS)
		rc = await_connected(fd, waiter, d);
	return rc < 0 ? sock_close_failed(fd) : fd;
}

int
sock_queued(int fd)
{
	int left = 0;

#ifdef TIOCOUTQ
	if (ioctl(fd, TIOCOUTQ, &left) < 0)
		return 0;
#else
	(void)fd;
#endif
	return left;
}

int
sock_pass(int fd, const char *data, size_t len, int passed)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	char copy[64];
	struct iovec iov = {.iov_base = copy, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof control.room};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n = -1;

	errno = EMSGSIZE;
	if (len > sizeof copy)
		return -1;
	memcpy(copy, data, len);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof passed);
	memcpy(CMSG_DATA(c), &passed, sizeof passed);
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n < len)
		errno = EMSGSIZE;
	return n == (ssize_t)len ? 0 : -1;
}

int
sock_peer(int fd, struct addr *peer)
{
	socklen_t len = sizeof peer->u;

	if (getpeername(fd, &peer->u.sa, &len) < 0)
		return -1;
	peer->len = len;
	addr_unmap(peer);
	return 0;
}

void
sock_local(int fd, struct addr *local)
{
	socklen_t len = sizeof local->u;

	local->len = getsockname(fd, &local->u.sa, &len) < 0 ? 0 : len;
	addr_unmap(local);
}
