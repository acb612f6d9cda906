/*
 * System calls by others.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/portable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "common/pool.h"
#include "common/sock.h"

static bool
is_denied(void)
{
	return errno == ENOSYS || errno == EPERM || errno == EACCES;
}

int
portable_accept(int listener, struct sockaddr *peer, socklen_t *len)
{
	int fd = accept4(listener, peer, len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 || !is_denied())
		return fd;
	fd = accept(listener, peer, len);
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return sock_close_failed(fd);
	return fd;
}

static ssize_t
send_by_hand(int to, int from, off_t *offset, size_t len)
{
	char *block = pool_get();
	ssize_t n;

	if (block == NULL)
		return -1;
	n = pread(from, block, len < POOL_BUFFER_SIZE ? len : POOL_BUFFER_SIZE,
	    *offset);
	if (n > 0)
		n = send(to, block, (size_t)n, MSG_NOSIGNAL);
	if (n > 0)
		*offset += n;
	pool_put(block);
	return n;
}

ssize_t
portable_sendfile(int to, int from, off_t *offset, size_t len)
{
	ssize_t n = sendfile(to, from, offset, len);

	/* sendfile(2): EINVAL where the file system cannot do it. */
	if (n < 0 && (is_denied() || errno == EINVAL || errno == EOPNOTSUPP))
		n = send_by_hand(to, from, offset, len);
	return n;
}
