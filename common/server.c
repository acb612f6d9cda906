/*
 * The accept loop.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/signals.h"

#define SHORTAGE_MS 200 /* pause when the system has no descriptor or memory */
#define ACCEPTS_MAX 64 /* between two looks at the signals, if all are busy */
#define COMPLAIN_S 5 /* seconds between two lines about such a shortage */

/* Tell a connection that is not served why, and close it.  Never waits. */
static void
turn_away(const struct server *s, int fd, const char *reply)
{
	if (s->config->turned_away != NULL)
		s->config->turned_away();
	(void)send(fd, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	(void)close(fd);
}

static void
take_connection(struct server *s, int fd, const struct addr *peer)
{
	switch (workers_give(&s->workers, fd, peer)) {
	case WORKERS_TAKEN:
		return;
	case WORKERS_NO_THREAD:
		log_rarely(LOG_ERR, "couldn't create thread: %m");
		turn_away(s, fd, s->config->no_thread);
		return;
	case WORKERS_BUSY:
		log_rarely(LOG_ERR,
		    "too many connections open (max %d). sent busy response",
		    workers_max(&s->workers));
		turn_away(s, fd, s->config->busy);
		return;
	}
}

static void
keep_spare(struct server *s)
{
	if (s->spare_fd < 0)
		s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
complain(struct server *s, int error)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (s->complained != 0 && now.tv_sec - s->complained < COMPLAIN_S)
		return;
	errno = error;
	log_error("couldn't accept a connection: %m");
	s->complained = now.tv_sec;
}

/*
 * The system has no descriptor or memory for one more connection: tell that to
 * the client by means of the spare descriptor, and give others time to end.
 */
static void
endure_shortage(struct server *s, const struct listener *l, int error)
{
	struct addr peer;
	int fd;

	complain(s, error);
	if (s->spare_fd >= 0) {
		(void)close(s->spare_fd);
		fd = listener_accept(l, &peer);
		if (fd >= 0)
			turn_away(s, fd, s->config->busy);
		s->spare_fd = -1;
	}
	(void)signals_poll(NULL, 0, SHORTAGE_MS); /* a stop ends it */
}

/* Has only that one connection failed?  Source: accept(2), accept4(2). */
static bool
is_fault_of_one(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
		return true;
	default:
		return false;
	}
}

/* accept(2) asks for a descriptor before it looks for a connection. */
static bool
is_waited_for(const struct listener *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* One: to ask whether there are more costs more than another ppoll(2). */
static void
accept_one(struct server *s, const struct listener *l)
{
	struct addr peer;
	int error, fd;

	keep_spare(s);
	fd = listener_accept(l, &peer);
	if (fd >= 0) {
		take_connection(s, fd, &peer);
		return;
	}
	error = errno;
	if (error != EAGAIN && error != EWOULDBLOCK &&
	    !is_fault_of_one(error) && is_waited_for(l))
		endure_shortage(s, l, error);
}

int
server_open(struct server *s, const struct server_config *config)
{
	*s = (struct server){.config = config, .spare_fd = -1};
	if (workers_init(&s->workers, config->max_clients, config->handle,
		config->context) < 0)
		return -1;
	keep_spare(s);
	return 0;
}

void
server_run(struct server *s)
{
	const struct server_config *c = s->config;
	struct pollfd p[SERVER_LISTENERS_MAX];

	for (size_t i = 0; i < c->listener_count; i++)
		p[i] =
		    (struct pollfd){.fd = c->listeners[i].fd, .events = POLLIN};
	log_debug("accepting connections");
	for (unsigned turns = 1; !signals_stop(); turns++) {
		/* While connections keep coming, ppoll(2) finds them ready
		 * and lets no signal in; this one does. */
		if (turns % ACCEPTS_MAX == 0)
			(void)signals_poll(NULL, 0, 0);
		if (signals_poll(p, (nfds_t)c->listener_count, -1) <= 0)
			continue;
		for (size_t i = 0; i < c->listener_count; i++)
			if (p[i].revents != 0)
				accept_one(s, &c->listeners[i]);
	}
}

void
server_set_max(struct server *s, int max)
{
	workers_set_max(&s->workers, max);
}

void
server_drain(struct server *s)
{
	log_debug("waiting for threads to quit");
	workers_stop(&s->workers, s->config->draining);
	if (s->spare_fd >= 0)
		(void)close(s->spare_fd);
	s->spare_fd = -1;
}
