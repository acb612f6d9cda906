/*
 * One connection of a client: its beginning, its loop, its end.
 *
 * The loop waits for both parties at once, so a server that says 421 and goes
 * while the client is idle is seen.  What both have said in one turn leaves in
 * one piece when the loop is about to wait.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "src/session/commands.h"
#include "src/session/replies.h"
#include "src/session/target.h"

#define FIRST_ID 0x100000 /* as 1.10 */
#define DRAIN_MAX 65536 /* octets of a client whose session has ended */

struct deadline
session_timeout(const struct session *s)
{
	return deadline_in(s->set->timeout_s * 1000);
}

void
session_reply(struct session *s, const char *reply)
{
	conn_put_line(&s->client, reply, strlen(reply));
}

void
session_end(struct session *s, const char *reply)
{
	if (s->ended)
		return;
	s->ended = true;
	if (reply != NULL)
		session_reply(s, reply);
}

void
session_lose_server(struct session *s)
{
	s->server_lost = true;
	/* What it has not read of a message must not reach it any more. */
	conn_abort(&s->server);
	pending_clear(&s->pending);
}

/* The server's octets while a message is received or scanned. */
static void
hear_server(struct session *s)
{
	enum io io = conn_read(&s->server);

	(void)replies_take(s);
	if (io == IO_OK)
		return;
	log_error("server disconnected unexpectedly");
	session_lose_server(s);
}

/* Tell the server that we are still there (option KeepAlives). */
static void
keep_server_alive(struct session *s)
{
	s->keep_alive = deadline_in(s->set->keep_alives_s * 1000);
	/* While one is unanswered another one would not help. */
	if (!pending_is_empty(&s->pending))
		return;
	commands_send_own(s, PENDING_SWALLOW, "NOOP");
	if (conn_flush(&s->server) != IO_OK)
		session_lose_server(s);
}

enum watched { WANTED, STOP, SERVER, CLIENT, WATCHED_COUNT };

/* What else than the wanted descriptor is looked at in this phase. */
static void
set_watch(const struct session *s, struct pollfd *w, int fd, short events)
{
	bool in_message = s->phase == PHASE_RECEIVE || s->phase == PHASE_SCAN;

	w[WANTED] = (struct pollfd){.fd = fd, .events = events};
	w[STOP] = (struct pollfd){.fd = -1, .events = POLLIN};
	w[SERVER] = (struct pollfd){.fd = -1, .events = POLLIN};
	w[CLIENT] = (struct pollfd){.fd = -1};
	if (s->phase != PHASE_FORWARD || !s->stopping)
		w[STOP].fd = s->stop_fd;
	if (in_message && !s->server_lost && fd != s->server.fd)
		w[SERVER].fd = s->server.fd;
	/* Without an event asked for, a reset is reported all the same, while a
	 * client that has only closed its own side still wants its reply. */
	if (s->phase == PHASE_SCAN && fd != s->client.fd)
		w[CLIENT].fd = s->client.fd;
}

/* What was seen beside the wanted descriptor; IO_OK: nothing that ends it. */
static enum io
see(struct session *s, const struct pollfd *w)
{
	if (w[STOP].revents != 0) {
		if (s->phase != PHASE_FORWARD)
			return IO_CANCELLED;
		/* The last step may go on, but not for ever. */
		s->stopping = true;
		s->stop_deadline = session_timeout(s);
	}
	if (w[CLIENT].revents != 0) {
		s->client_lost = true;
		return IO_CANCELLED;
	}
	if (w[SERVER].revents != 0)
		hear_server(s);
	/* The content is read to its end even if nobody wants it. */
	return s->server_lost && s->phase == PHASE_SCAN ? IO_CANCELLED : IO_OK;
}

static enum io
session_wait(struct waiter *self, int fd, short events, struct deadline d)
{
	struct session *s =
	    (void *)((char *)self - offsetof(struct session, waiter));
	bool keep_alives;

	for (;;) {
		struct pollfd w[WATCHED_COUNT];
		struct deadline until;
		enum io io;
		int n;

		if (s->stopping)
			d = deadline_min(d, s->stop_deadline);
		until = d;
		set_watch(s, w, fd, events);
		keep_alives = w[SERVER].fd >= 0 && s->set->keep_alives_s > 0;
		if (keep_alives)
			until = deadline_min(d, s->keep_alive);
		n = poll(w, WATCHED_COUNT, deadline_left_ms(until));
		if (n < 0 && errno != EINTR)
			return IO_ERROR;
		io = n > 0 ? see(s, w) : IO_OK;
		if (io != IO_OK)
			return io;
		if (n > 0 && w[WANTED].revents != 0)
			return IO_OK;
		if (deadline_left_ms(d) == 0)
			return IO_TIMEOUT;
		if (keep_alives && !s->server_lost &&
		    deadline_left_ms(s->keep_alive) == 0)
			keep_server_alive(s);
	}
}

/* Returns 0, or -1 after it was logged. */
static int
connect_server(struct session *s)
{
	int fd = sock_connect(&s->target, &s->waiter, session_timeout(s));

	addr_host(&s->target, s->server_ip);
	if (fd < 0 && errno == ECANCELED) {
		session_end(s, REPLY_STOPPING);
		return -1;
	}
	if (fd < 0) {
		log_error("SERVER: couldn't connect to: %s: %m",
		    s->set->transparent_proxy ? s->server_ip
					      : s->set->out_address.text);
		return -1;
	}
	log_debug("SERVER connected to: %s", s->server_ip);
	conn_open(
	    &s->server, "SERVER", fd, &s->waiter, s->set->timeout_s * 1000);
	return 0;
}

/* Take over the client and find the server; false: the session has ended. */
static bool
open_session(struct session *s, const struct server_client *client)
{
	struct addr local = {0};

	conn_open(&s->client, "CLIENT", client->fd, &s->waiter,
	    s->set->timeout_s * 1000);
	addr_host(&s->peer, s->peer_ip);
	log_info("accepted connection from: %s",
	    s->peer.len == 0 ? "UNKNOWN" : s->peer_ip);
	if (strstr(s->set->header, "%l") != NULL) {
		sock_local(client->fd, &local);
		addr_host(&local, s->local_ip);
	}
	if (target_find(&s->target, s->set, client->fd, &s->peer) < 0 ||
	    connect_server(s) < 0) {
		session_end(s, REPLY_NO_SERVER);
		return false;
	}
	if (pending_push(&s->pending, PENDING_GREETING, "", 0) < 0)
		session_end(s, REPLY_LOCAL_ERROR);
	s->barrier = true;
	s->deadline = session_timeout(s);
	return !s->ended;
}

/* Out of memory: what the client is told needs none. */
static void
end_without_memory(struct session *s)
{
	s->client.out.failed = true;
	session_end(s, NULL);
}

/* The server's connection does not work any more. */
static void
end_without_server(struct session *s, enum io io)
{
	if (io == IO_ERROR && errno == ENOMEM)
		end_without_memory(s);
	else if (io == IO_TIMEOUT)
		session_end(s, REPLY_TIMED_OUT);
	else if (io == IO_CANCELLED)
		session_end(s, REPLY_STOPPING);
	else
		session_end(s, REPLY_SERVER_CLOSED);
}

static void
flush(struct session *s)
{
	enum io io;

	if (conn_flush(&s->client) != IO_OK)
		session_end(s, NULL);
	if (s->ended)
		return;
	io = conn_flush(&s->server);
	if (io != IO_OK)
		end_without_server(s, io);
}

static void
read_client(struct session *s)
{
	enum io io = conn_read(&s->client);

	if (io == IO_ERROR && errno == ENOMEM)
		end_without_memory(s);
	else if (io == IO_ERROR) {
		log_debug("CLIENT: couldn't read data from socket: %m");
		session_end(s, NULL);
	}
	s->client_eof = io != IO_OK;
}

static void
read_server(struct session *s)
{
	enum io io = conn_read(&s->server);

	if (io == IO_OK)
		return;
	if (io == IO_ERROR && errno == ENOMEM) {
		log_error("out of memory");
		end_without_memory(s);
		return;
	}
	(void)replies_take(s); /* its last words */
	if (s->ended)
		return;
	if (s->server_bade && pending_is_empty(&s->pending)) {
		session_end(s, NULL);
		return;
	}
	log_error("server disconnected unexpectedly");
	session_end(s, REPLY_SERVER_CLOSED);
}

/* Wait for either party, and read what has come. */
static void
wait_for_parties(struct session *s)
{
	bool hear_client = !s->client_eof && conn_has_room(&s->client);
	struct pollfd p[3] = {
	    {.fd = s->server.fd, .events = POLLIN},
	    {.fd = s->client_eof ? -1 : s->client.fd,
		.events = hear_client ? POLLIN : 0},
	    {.fd = s->stop_fd, .events = POLLIN},
	};
	int n, left = deadline_left_ms(s->deadline);

	conn_rest(&s->client);
	conn_rest(&s->server);
	n = poll(p, 3, left);
	if (n < 0)
		return; /* EINTR */
	/* Who always has octets ready, but no line, runs out of time too. */
	if (n == 0 || left == 0) {
		log_error("network operation timed out");
		session_end(s, REPLY_TIMED_OUT);
		return;
	}
	if (p[2].revents != 0) {
		session_end(s, REPLY_STOPPING);
		return;
	}
	if (p[0].revents != 0)
		read_server(s);
	if (s->ended || p[1].revents == 0)
		return;
	if (hear_client)
		read_client(s);
	else
		session_end(s, NULL); /* reset while we had enough to do */
}

static void
converse(struct session *s)
{
	while (!s->ended) {
		/* Replies first: a command may depend on them. */
		bool heard = replies_take(s);

		if (commands_take(s) || heard)
			continue;
		flush(s);
		if (s->ended)
			break;
		/* An unfinished line at the end of input is no command. */
		if (s->client_eof && pending_is_empty(&s->pending))
			session_end(s, NULL);
		else
			wait_for_parties(s);
	}
}

/*
 * Closing with octets unread would reset the connection and may cost the client
 * our last reply: say that we are done, and read what has come so far.
 */
static void
close_client(struct session *s)
{
	char junk[1024];
	ssize_t n;
	size_t drained = 0;

	if (!conn_is_open(&s->client))
		return;
	if (s->client.out.failed) /* what it says needs no memory */
		(void)send(s->client.fd, REPLY_NO_MEMORY,
		    strlen(REPLY_NO_MEMORY), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (conn_flush(&s->client) == IO_OK && !s->client_eof &&
	    !s->client_quit) {
		(void)shutdown(s->client.fd, SHUT_WR);
		do {
			n = recv(s->client.fd, junk, sizeof junk, 0);
			drained += n > 0 ? (size_t)n : 0;
		} while (n > 0 && drained < DRAIN_MAX);
	}
	conn_close(&s->client);
}

static void
close_session(struct session *s)
{
	/* The last words must not wait for a stop that has been asked for. */
	s->phase = PHASE_FORWARD;
	close_client(s);
	conn_close(&s->server);
	pending_clear(&s->pending);
	envelope_clear(&s->envelope);
	strbuf_free(&s->hello);
}

void
session_run(struct server_client *client, void *settings)
{
	struct session s = {.set = settings,
	    .peer = client->peer,
	    .stop_fd = client->stop_fd,
	    .waiter = {.wait = session_wait}};

	snprintf(s.id, sizeof s.id, "%06X", FIRST_ID + client->number);
	log_set_id(s.id);
	if (open_session(&s, client))
		converse(&s);
	close_session(&s);
	log_set_id(NULL);
}
