/*
 * What the service manager is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/notify.h"

#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define US_PER_MS 1000LL
#define WAIT_MS 1000 /* for room in the manager's queue */
#define TEXT_MAX 512 /* octets of a datagram; status is ours and short */

/* Written by notify_open, before there are threads. */
static struct sockaddr_un manager;
static socklen_t manager_len; /* 0: nobody waits */

void
notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path == NULL ? 0 : strlen(path);

	if (len > 1 && len < sizeof manager.sun_path &&
	    (*path == '/' || *path == '@')) {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, path, len);
		if (*path == '@') /* an abstract name; unix(7) */
			manager.sun_path[0] = '\0';
		manager_len =
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	(void)unsetenv("NOTIFY_SOCKET");
}

bool
notify_is_wanted(void)
{
	return manager_len != 0;
}

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
tell(const char *fmt, ...)
{
	char text[TEXT_MAX];
	struct pollfd p = {.events = POLLOUT};
	va_list ap;
	int fd;

	if (manager_len == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	p.fd = fd;
	/* A queue that is full for a moment is waited for. */
	if (connect(fd, (const struct sockaddr *)&manager, manager_len) == 0 &&
	    poll(&p, 1, WAIT_MS) > 0)
		(void)send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
}

void
notify_ready(const char *status)
{
	tell("READY=1\nSTATUS=%s\n", status);
}

void
notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	tell("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the "
	     "configuration\n",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
notify_stopping(const char *status)
{
	tell("STOPPING=1\nSTATUS=%s\n", status);
}

void
notify_still_stopping(int ms, const char *status)
{
	tell("EXTEND_TIMEOUT_USEC=%lld\nSTATUS=%s\n", ms * US_PER_MS, status);
}
