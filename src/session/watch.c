/*
 * The only place where a session waits.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/watch.h"

#include <errno.h>
#include <poll.h>

#include "src/session/upstream_own.h"

enum watched { STOP, UPSTREAM, CLIENT, WANTED, WATCHED_COUNT };

static bool
is_in_message(const struct watch *w)
{
	return w->phase == WATCH_RECEIVE || w->phase == WATCH_SCAN;
}

/* Is there a message of which the server has not seen the end? */
static bool
can_be_taken_back(const struct watch *w)
{
	return w->phase == WATCH_SCAN || w->phase == WATCH_LAST_STEP;
}

/* Wait for one of p.  IO_OK also when poll(2) was interrupted. */
static enum io
look(struct pollfd *p, nfds_t count, struct deadline d)
{
	int n = poll(p, count, deadline_left_ms(d));

	if (n >= 0)
		return n == 0 ? IO_TIMEOUT : IO_OK;
	if (errno != EINTR)
		return IO_ERROR;
	for (nfds_t i = 0; i < count; i++)
		p[i].revents = 0;
	return IO_OK;
}

/* What else than the wanted descriptor is looked at in this phase. */
static void
set_watch(const struct watch *w, struct pollfd *p, int fd, short events)
{
	p[WANTED] = (struct pollfd){.fd = fd, .events = events};
	p[STOP] = (struct pollfd){.fd = -1, .events = POLLIN};
	p[UPSTREAM] = (struct pollfd){.fd = -1, .events = POLLIN};
	p[CLIENT] = (struct pollfd){.fd = -1};
	if (w->phase < WATCH_LAST_STEP || !w->stopping)
		p[STOP].fd = w->stop_fd;
	if (is_in_message(w) && fd != w->upstream->conn.fd &&
	    w->upstream->lost == UPSTREAM_THERE)
		p[UPSTREAM].fd = w->upstream->conn.fd;
	/* Without an event asked for, a reset is reported all the same. */
	if (can_be_taken_back(w) && fd != w->client->conn.fd) {
		p[CLIENT].fd = w->client->conn.fd;
		p[CLIENT].events = w->client->eof ? 0 : POLLRDHUP;
	}
}

/* What was seen beside the wanted descriptor; IO_OK: nothing that ends it. */
static enum io
note_others(struct watch *w, const struct pollfd *p)
{
	if (p[STOP].revents != 0) {
		if (w->phase < WATCH_LAST_STEP)
			return IO_CANCELLED;
		/* The last step may go on, but not for ever. */
		w->stopping = true;
		w->stop_deadline = watch_timeout(w);
	}
	if ((p[CLIENT].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		client_leave(w->client, CLIENT_LOST);
	if (p[CLIENT].revents != 0 && !client_awaits_message(w->client))
		return IO_CANCELLED;
	if (p[CLIENT].revents != 0)
		client_stop_hearing(w->client);
	if (p[UPSTREAM].revents != 0)
		upstream_hear(w->upstream);
	/* The content is read to its end even if nobody wants it. */
	return w->phase == WATCH_SCAN && w->upstream->lost != UPSTREAM_THERE
	    ? IO_CANCELLED
	    : IO_OK;
}

static bool
wants_keep_alives(const struct watch *w, const struct pollfd *p)
{
	return w->keep_alives_ms > 0 && p[UPSTREAM].fd >= 0;
}

static void
keep_alive(struct watch *w)
{
	if (w->upstream->lost != UPSTREAM_THERE ||
	    deadline_left_ms(w->keep_alive) > 0)
		return;
	watch_restart_keep_alive(w);
	upstream_keep_alive(w->upstream);
}

static enum io
wait_for(struct waiter *self, int fd, short events, struct deadline d)
{
	struct watch *w = (struct watch *)self;
	struct pollfd p[WATCHED_COUNT];
	bool keeps;
	enum io io;

	for (;;) {
		if (w->stopping)
			d = deadline_min(d, w->stop_deadline);
		if (can_be_taken_back(w))
			d = deadline_min(d, w->budget);
		set_watch(w, p, fd, events);
		keeps = wants_keep_alives(w, p);
		io = look(p, WATCHED_COUNT,
		    keeps ? deadline_min(d, w->keep_alive) : d);
		if (io == IO_OK)
			io = note_others(w, p);
		if (io != IO_OK && io != IO_TIMEOUT)
			return io;
		if (p[WANTED].revents != 0)
			return IO_OK;
		if (deadline_left_ms(d) == 0)
			return IO_TIMEOUT;
		if (keeps)
			keep_alive(w);
	}
}

void
watch_open(struct watch *w, struct client *client, struct upstream *upstream,
    int stop_fd, int timeout_ms, int keep_alives_ms)
{
	*w = (struct watch){
	    .waiter = {.wait = wait_for},
	    .client = client,
	    .upstream = upstream,
	    .stop_fd = stop_fd,
	    .timeout_ms = timeout_ms,
	    .keep_alives_ms = keep_alives_ms,
	};
}

void
watch_begin_budget(struct watch *w, int budget_ms)
{
	w->budget = deadline_in(budget_ms);
}

bool
watch_has_used_budget(const struct watch *w)
{
	return deadline_left_ms(w->budget) == 0;
}

void
watch_enter(struct watch *w, enum watch_phase phase)
{
	w->phase = phase;
}

void
watch_restart(struct watch *w)
{
	w->deadline = watch_timeout(w);
}

void
watch_extend(struct watch *w, size_t octets)
{
	deadline_extend(&w->deadline, octets, CONN_RATE_MIN, w->timeout_ms);
}

void
watch_restart_keep_alive(struct watch *w)
{
	w->keep_alive = deadline_in(w->keep_alives_ms);
}

struct deadline
watch_timeout(const struct watch *w)
{
	return deadline_in(w->timeout_ms);
}

enum io
watch_parties(struct watch *w, bool hear_client, struct watch_seen *seen)
{
	struct pollfd p[WANTED] = {
	    [STOP] = {.fd = w->stop_fd, .events = POLLIN},
	    [UPSTREAM] = {.fd = w->upstream->conn.fd, .events = POLLIN},
	    [CLIENT] = {.fd = w->client->eof ? -1 : w->client->conn.fd,
		.events = hear_client ? POLLIN : 0},
	};
	bool late = deadline_left_ms(w->deadline) == 0;
	enum io io;

	conn_rest(&w->client->conn);
	conn_rest(&w->upstream->conn);
	io = look(p, WANTED, w->deadline);
	seen->client = p[CLIENT].revents != 0;
	seen->upstream = p[UPSTREAM].revents != 0;
	/* Who always has octets ready, but no line, runs out of time too. */
	if (io == IO_OK && late)
		return IO_TIMEOUT;
	return io == IO_OK && p[STOP].revents != 0 ? IO_CANCELLED : io;
}
