/*
 * Handing a message's content over to the server (floor 3).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/forward.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "src/dotstuff.h"
#include "src/replies.h"
#include "src/smtp_reply.h"

#define INFECTED_HEADER "X-Virus-Infected: Virus Detected!\r\n"
#define PIECE_SIZE 32768 /* octets encoded at once */

struct sending {
	struct session *s;
	const struct forward_order *order;
	struct dot_encoder dots;
	char *piece; /* room for encoding, or NULL */
};

/* The header line to be added; empty for none. */
static void
make_header(const struct session *s, bool marked, struct strbuf *out)
{
	struct header_symbols symbols = {
	    .client_ip = s->peer_ip, .local_ip = s->local_ip};
	time_t now = time(NULL);
	char unknown;

	if (marked) {
		strbuf_puts(out, INFECTED_HEADER);
		return;
	}
	localtime_r(&now, &symbols.date);
	symbols.zone_name = symbols.date.tm_zone;
	symbols.zone_offset_s = symbols.date.tm_gmtoff;
	unknown = header_expand(s->set->header, &symbols, out);
	if (unknown != 0)
		log_warn("invalid header symbol: %%%c", unknown);
}

/* Put octets that may need dot-stuffing, piece by piece. */
static void
put_encoded(struct sending *x, const char *data, size_t len)
{
	while (len > 0) {
		size_t n = len < PIECE_SIZE ? len : PIECE_SIZE;

		conn_put(&x->s->server, x->piece,
		    dot_encode(&x->dots, data, n, x->piece));
		data += n;
		len -= n;
	}
}

/* Content of a file that needs dot-stuffing. */
static enum io
send_encoded(struct sending *x, off_t from, off_t to)
{
	char *in = x->piece + (size_t)2 * PIECE_SIZE;
	enum io io = IO_OK;

	while (from < to && io == IO_OK) {
		size_t want =
		    to - from < PIECE_SIZE ? (size_t)(to - from) : PIECE_SIZE;
		ssize_t n = spool_read(x->order->spool, from, in, want);

		if (n <= 0) {
			log_error("couldn't read from cache file: %s: %m",
			    x->order->spool->path);
			return IO_ERROR;
		}
		put_encoded(x, in, (size_t)n);
		io = conn_send(&x->s->server, NULL, 0, true);
		from += n;
	}
	return io;
}

/* The content from one offset to another, into the output or further. */
static enum io
send_range(struct sending *x, off_t from, off_t to)
{
	const struct spool *spool = x->order->spool;
	const char *memory = spool_memory(spool);

	if (memory != NULL && x->order->has_dots)
		put_encoded(x, memory + from, (size_t)(to - from));
	else if (memory != NULL)
		conn_put(&x->s->server, memory + from, (size_t)(to - from));
	else if (x->order->has_dots)
		return send_encoded(x, from, to);
	else if (from < to)
		return conn_sendfile(&x->s->server, spool->fd,
		    from + (off_t)spool->prefix_len, to - from);
	return IO_OK;
}

static enum io
send_content(struct sending *x)
{
	struct session *s = x->s;
	const struct forward_order *order = x->order;
	bool at_top = !order->marked && header_wants_top(s->set->header);
	off_t place = at_top ? order->places->top : order->places->bottom;
	off_t size = spool_size(order->spool);
	struct strbuf header = {0};
	enum io io;

	make_header(s, order->marked, &header);
	if (place < 0) {
		if (header.len > 0)
			log_debug("no place for a header line");
		strbuf_clear(&header);
		place = 0;
	}
	io = send_range(x, 0, place);
	if (io == IO_OK) {
		/* Its name might begin with a dot. */
		put_encoded(x, strbuf_str(&header), header.len);
		io = send_range(x, place, size);
	}
	strbuf_free(&header);
	if (io != IO_OK)
		return io;
	conn_put_line(&s->server, ".", 1);
	return conn_flush(&s->server);
}

/* Ask for the data phase.  IO_OK: go on; else *outcome tells. */
static enum io
open_data(struct session *s, struct reply *r)
{
	enum io io = replies_await_all(s, session_timeout(s));

	if (io != IO_OK)
		return io;
	conn_put_line(&s->server, "DATA", 4);
	io = conn_flush(&s->server);
	if (io == IO_OK)
		io = replies_await(s, r, session_timeout(s));
	return io;
}

static enum forward_outcome
fail(struct session *s)
{
	session_lose_server(s);
	session_end(s, REPLY_LOCAL_ERROR);
	return FORWARD_FAILED;
}

static void
keep_first_line(const struct reply *r, struct strbuf *line)
{
	const char *text = strbuf_str(&r->text);

	strbuf_add(line, text, strcspn(text, "\r\n"));
}

/* The server's answer in the place of 354, or its last one. */
static enum forward_outcome
conclude(struct session *s, const struct reply *r, bool data_sent,
    struct strbuf *refusal)
{
	if (data_sent && smtp_reply_is_positive(r->code)) {
		replies_relay(s, r);
		return FORWARD_ACCEPTED;
	}
	/* A positive word without the content is no promise. */
	if (r->code < 400) {
		log_error("server gave an unexpected reply: %s",
		    strbuf_str(&r->text));
		return fail(s);
	}
	if (!data_sent)
		log_debug("server refused data transfer");
	replies_relay(s, r);
	keep_first_line(r, refusal);
	return FORWARD_REFUSED;
}

static enum io
hand_over(struct session *s, const struct forward_order *order)
{
	struct sending x = {.s = s, .order = order};
	enum io io = IO_ERROR;

	if (!order->marked && s->set->header[0] == '\0' && !order->has_dots)
		return send_content(&x);
	x.piece = malloc((size_t)3 * PIECE_SIZE);
	if (x.piece == NULL)
		log_error("out of memory");
	else
		io = send_content(&x);
	free(x.piece);
	return io;
}

enum forward_outcome
forward_message(struct session *s, const struct forward_order *order,
    struct strbuf *refusal)
{
	enum forward_outcome outcome;
	struct reply r = {0};
	enum io io;

	s->phase = PHASE_FORWARD;
	io = open_data(s, &r);
	if (io == IO_OK && r.code == 354) {
		log_debug("sending from cache file: %s", order->spool->path);
		io = hand_over(s, order);
		strbuf_free(&r.text);
		if (io == IO_OK) {
			log_debug("sent email data");
			io = replies_await(s, &r, session_timeout(s));
		}
		outcome =
		    io == IO_OK ? conclude(s, &r, true, refusal) : fail(s);
	} else
		outcome =
		    io == IO_OK ? conclude(s, &r, false, refusal) : fail(s);
	strbuf_free(&r.text);
	return outcome;
}
