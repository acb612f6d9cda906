/*
 * Who comes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/arrival.h"

#include "common/log.h"

static void
tell_accepted(const struct client *c)
{
	log_info("accepted connection from: %s",
	    c->origin.peer.len == 0 ? "UNKNOWN" : c->ip);
}

/* Read until the header is whole.  IO_OK with *kind, or how a wait has ended. */
static enum io
await_header(
    struct conn *c, struct proxy_protocol_header *h, enum proxy_protocol *kind)
{
	const struct deadline d = deadline_in(ARRIVAL_HEADER_MS);
	enum io io = IO_OK;

	while (io == IO_OK) {
		size_t len;
		const char *data = conn_peek(c, &len);

		*kind = proxy_protocol_parse(data, len, h);
		if (*kind != PROXY_PROTOCOL_MORE)
			break;
		io = conn_fill(c, d);
	}
	return io;
}

/* Who talks or waits without a header may be anybody. */
static enum arrival
give_up(const struct session *s, enum io io)
{
	const char *why = "it sent no valid one";

	if (io == IO_CANCELLED)
		return ARRIVAL_STOPPED;
	if (io == IO_TIMEOUT)
		why = "it sent none in time";
	else if (io != IO_OK)
		why = "it closed before";
	log_rarely(LOG_WARNING,
	    "closed a connection from %s, which must begin with a PROXY "
	    "header: %s",
	    *s->client.ip == '\0' ? "a local socket" : s->client.ip, why);
	return ARRIVAL_UNKNOWN;
}

enum arrival
arrival_await(struct session *s)
{
	struct proxy_protocol_header h;
	enum proxy_protocol kind = PROXY_PROTOCOL_BAD;
	enum io io;

	if (!net_list_contains(&s->set->proxies, &s->client.origin.peer)) {
		tell_accepted(&s->client);
		return ARRIVAL_CLIENT;
	}
	io = await_header(&s->client.conn, &h, &kind);
	if (io != IO_OK || kind == PROXY_PROTOCOL_BAD)
		return give_up(s, io);
	conn_consume(&s->client.conn, h.len);
	if (kind == PROXY_PROTOCOL_LOCAL)
		return ARRIVAL_CHECK;
	tell_accepted(&s->client);
	if (kind == PROXY_PROTOCOL_CLIENT)
		client_take_header(&s->client, &h);
	return ARRIVAL_CLIENT;
}
