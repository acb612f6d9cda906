/*
 * Who has connected to us.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/client.h"

#include <errno.h>
#include <string.h>

#include "common/conn_line.h"
#include "common/log.h"

void
client_open(struct client *c, int fd, const struct addr *peer,
    struct waiter *waiter, int timeout_ms)
{
	*c = (struct client){0};
	conn_open(&c->conn, "CLIENT", fd, waiter, timeout_ms);
	conn_set_line_max(&c->conn, SMTP_AUTH_LINE_MAX + 2);
	origin_set(&c->origin, peer);
	addr_host(peer, c->ip);
}

void
client_take_header(struct client *c, const struct proxy_protocol_header *h)
{
	origin_take_header(&c->origin, h);
	addr_host(&c->origin.client, c->ip);
	log_info("client by the PROXY protocol: %s", c->ip);
}

void
client_read(struct client *c)
{
	enum io io = conn_read(&c->conn);

	c->eof = io != IO_OK;
	if (io != IO_ERROR)
		return;
	if (errno != ENOMEM)
		log_debug("CLIENT: couldn't read data from socket: %m");
	client_leave(c, errno == ENOMEM ? CLIENT_NO_MEMORY : CLIENT_LOST);
}

/* Read all that has come, as far as there is room; or see its end. */
static void
hear(struct client *c)
{
	size_t before, after;

	(void)conn_peek(&c->conn, &after);
	do {
		before = after;
		if (c->end == CLIENT_STAYS && !c->eof &&
		    conn_has_room(&c->conn))
			client_read(c);
		(void)conn_peek(&c->conn, &after);
	} while (after > before);
}

void
client_begin_wait(struct client *c, enum smtp_behind behind)
{
	c->behind = behind;
}

void
client_lose_step(struct client *c, const char *why)
{
	if (c->end != CLIENT_STAYS)
		return;
	log_rarely(
	    LOG_WARNING, "client %s is out of step: %s", client_name(c), why);
	client_leave(c, CLIENT_OUT_OF_STEP);
}

/* What was read and is to be commands. */
static const char *
peek(const struct client *c, size_t *len)
{
	const char *unread = conn_peek(&c->conn, len);
	size_t chunk = c->skip < *len ? (size_t)c->skip : *len;

	*len -= chunk;
	return unread + chunk;
}

bool
client_is_in_step(struct client *c)
{
	size_t len;
	const char *unread = peek(c, &len);

	if (len > 0 && !smtp_command_may_wait(c->behind, unread, len))
		client_lose_step(c, "it did not wait for a reply");
	return c->end == CLIENT_STAYS;
}

bool
client_has_waited(struct client *c)
{
	if (c->behind < SMTP_BEHIND_ANYTHING)
		hear(c);
	return client_is_in_step(c);
}

bool
client_has_kept_step(struct client *c)
{
	return conn_was_full(&c->conn) ? client_has_waited(c)
				       : client_is_in_step(c);
}

void
client_was_answered(struct client *c)
{
	size_t len;

	(void)peek(c, &len);
	if (len == 0) /* else QUIT must be next */
		c->behind = SMTP_BEHIND_ANYTHING;
}

bool
client_awaits_message(struct client *c)
{
	const char *unread;
	size_t len;

	hear(c);
	if (!client_is_in_step(c))
		return false;
	unread = peek(c, &len);
	if (!c->eof || smtp_command_finds_quit(unread, len))
		return true;
	log_rarely(LOG_WARNING, "client left before its message was passed on");
	client_leave(c, CLIENT_GAVE_UP);
	return false;
}

void
client_stop_hearing(struct client *c)
{
	c->eof = true;
}

void
client_leave(struct client *c, enum client_end why)
{
	if (c->end == CLIENT_STAYS)
		c->end = why;
}

void
client_expect_auth(struct client *c, bool expected)
{
	c->auth = expected;
}

void
client_begin_skip(struct client *c, unsigned long long n)
{
	c->skip = n;
}

size_t
client_skip(struct client *c)
{
	size_t len;

	(void)conn_peek(&c->conn, &len);
	if (len > c->skip)
		len = (size_t)c->skip;
	conn_consume(&c->conn, len);
	c->skip -= len;
	return len;
}

void
client_destination(const struct client *c, struct addr *destination)
{
	*destination = c->origin.destination;
	if (destination->len == 0)
		sock_local(c->conn.fd, destination);
}

const char *
client_name(const struct client *c)
{
	return c->ip[0] == '\0' ? "UNKNOWN" : c->ip;
}

const char *
client_local_ip(const struct client *c, char text[ADDR_TEXT_MAX])
{
	struct addr local;

	sock_local(c->conn.fd, &local);
	return addr_host(&local, text);
}
