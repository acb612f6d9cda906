/*
 * Listening sockets and their files.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/portable.h"
#include "common/redirect.h"
#include "common/sock.h"

#define LOCK_TRIES 50 /* to get the directory of a path for ourselves */
#define LOCK_PAUSE_MS 20 /* between two of them */
#define FILE_MASK 0111 /* of 0777: a socket's file has mode 0666 */

static bool
has_file(const struct addr *a)
{
	return a->len != 0 && a->u.sa.sa_family == AF_UNIX;
}

/* Open the directory in which the socket's file is.  -1: it cannot be read. */
static int
open_directory(const struct addr *a)
{
	const char *path = a->u.un.sun_path, *slash = strrchr(path, '/');
	char dir[sizeof a->u.un.sun_path + 1];
	size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;

	memcpy(dir, path, len);
	dir[len] = '\0';
	return open(len == 0 ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * A lock on that directory: from the look at a socket that seems to be left
 * behind until ours stands there, no other daemon of ours comes between.  -1:
 * there is none, because the directory cannot be read or others hold it (their
 * temporary files may be in it); then we go on without one.
 */
static int
lock_directory(const struct addr *a)
{
	int fd = has_file(a) ? open_directory(a) : -1;

	if (fd < 0)
		return -1;
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		(void)poll(NULL, 0, LOCK_PAUSE_MS);
	}
	(void)close(fd);
	return -1;
}

/*
 * Remove the file of a socket on which nobody accepts.  Returns 0 when the path
 * may be free, or -1 with errno.
 */
static int
remove_stale(const struct addr *a, uid_t owner)
{
	struct stat st;
	int fd, rc;

	if (lstat(a->u.un.sun_path, &st) < 0)
		return 0;
	fd = sock_new(a);
	if (fd < 0)
		return -1;
	rc = connect(fd, &a->u.sa, a->len);
	/* A full queue (EAGAIN) is somebody's. */
	if (!S_ISSOCK(st.st_mode) ||
	    (rc < 0 && errno == ECONNREFUSED && st.st_uid != owner))
		errno = EEXIST;
	else if (rc == 0 || errno != ECONNREFUSED)
		errno = EADDRINUSE;
	else {
		(void)close(fd);
		return unlink(a->u.un.sun_path);
	}
	return sock_close_failed(fd);
}

/* Its file has the right mode from the beginning. */
static int
bind_file(int fd, const struct addr *a, uid_t owner)
{
	mode_t mask;
	int rc;

	if (remove_stale(a, owner) < 0)
		return -1;
	mask = umask(FILE_MASK);
	rc = bind(fd, &a->u.sa, a->len);
	(void)umask(mask);
	return rc;
}

static int
bind_port(int fd, const struct addr *a, bool transparent)
{
	const int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (transparent)
		(void)redirect_allow(fd, a);
	return bind(fd, &a->u.sa, a->len);
}

static int
bind_and_listen(const struct addr *a, const struct listener_way *way)
{
	int fd = sock_new(a); /* accepted sockets inherit its TCP_NODELAY */
	int rc;

	if (fd < 0)
		return -1;
	rc = has_file(a) ? bind_file(fd, a, way->owner)
			 : bind_port(fd, a, way->transparent);
	if (rc < 0 || listen(fd, SOMAXCONN) < 0)
		return sock_close_failed(fd);
	return fd;
}

int
listener_open(
    struct listener *l, const struct addr *a, const struct listener_way *way)
{
	const struct listener_way plain = {.owner = geteuid()};
	int lock = lock_directory(a), saved;
	struct stat st = {0};

	*l = (struct listener){.addr = *a};
	l->fd = bind_and_listen(a, way == NULL ? &plain : way);
	saved = errno;
	if (l->fd >= 0 && has_file(a) && lstat(a->u.un.sun_path, &st) == 0) {
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	if (lock >= 0)
		(void)close(lock);
	errno = saved;
	return l->fd < 0 ? -1 : 0;
}

static bool
has_option(int fd, int option, int value)
{
	int found;
	socklen_t len = sizeof found;

	return getsockopt(fd, SOL_SOCKET, option, &found, &len) == 0 &&
	    found == value;
}

/* 0, or what is wrong with it. */
static int
fault_of(int fd, const struct addr *a)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return ENOTSOCK;
	if (!has_option(fd, SO_TYPE, SOCK_STREAM))
		return ESOCKTNOSUPPORT;
	if (!has_option(fd, SO_ACCEPTCONN, 1))
		return EINVAL;
	return addr_is_inet(a) || a->u.sa.sa_family == AF_UNIX ? 0
							       : EAFNOSUPPORT;
}

int
listener_adopt(struct listener *l, int fd)
{
	const int on = 1;
	int flags = fcntl(fd, F_GETFL);

	*l = (struct listener){.fd = fd};
	sock_local(fd, &l->addr);
	errno = fault_of(fd, &l->addr);
	if (errno != 0)
		return -1;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	/* As sock_new has it; accepted sockets inherit that. */
	if (addr_is_inet(&l->addr))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return 0;
}

static bool
is_ours(const struct listener *l, const struct stat *st)
{
	return S_ISSOCK(st->st_mode) && st->st_dev == l->dev &&
	    st->st_ino == l->ino;
}

int
listener_give(const struct listener *l, uid_t uid, gid_t gid)
{
	struct stat st;
	int fd, rc;

	if (!has_file(&l->addr))
		return 0;
	/* By descriptor: others may change what the path leads to. */
	fd = open(l->addr.u.un.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !is_ours(l, &st) || st.st_nlink != 1) {
		errno = EPERM;
		return sock_close_failed(fd);
	}
	rc = fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
	return rc < 0 ? sock_close_failed(fd) : close(fd);
}

int
listener_accept(const struct listener *l, struct addr *peer)
{
	socklen_t len = sizeof peer->u;
	int fd = portable_accept(l->fd, &peer->u.sa, &len);

	if (fd < 0)
		return -1;
	peer->len = len;
	addr_unmap(peer);
	return fd;
}

void
listener_close(struct listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	/* While we listen no other daemon takes the file for one left behind,
	 * so it goes first. */
	if (has_file(&l->addr) && lstat(l->addr.u.un.sun_path, &st) == 0 &&
	    is_ours(l, &st))
		(void)unlink(l->addr.u.un.sun_path);
	(void)close(l->fd);
	l->fd = -1;
}
