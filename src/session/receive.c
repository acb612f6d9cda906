/*
 * A message's content comes from the client.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/receive.h"

#include "common/conn_out.h"
#include "src/scan/clamd.h"
#include "src/session/client_out.h"

#define READS_IN_A_ROW 16 /* of content, without a look at the rest */

static void
take_content(struct conn *client, struct content *content)
{
	size_t len;
	const char *in = conn_peek(client, &len);

	conn_consume(client, content_take(content, in, len));
}

/* Read until the end of mail data.  Returns IO_OK, or why there is none. */
static enum io
read_content(struct conn *client, struct content *content, int timeout_ms)
{
	struct deadline d = deadline_in(timeout_ms);
	size_t before, after;
	enum io io = IO_OK;

	take_content(client, content);
	for (unsigned n = 1; !content_is_complete(content) && io == IO_OK;
	     n++) {
		(void)conn_peek(client, &before);
		/* What never makes us wait must not hide all else. */
		io = n % READS_IN_A_ROW == 0 ? conn_fill(client, d)
					     : conn_fill_bulk(client, d);
		(void)conn_peek(client, &after);
		deadline_extend(&d, after - before, CONN_RATE_MIN, timeout_ms);
		take_content(client, content);
	}
	return io;
}

enum io
receive_content(struct session *s, struct content *content)
{
	struct conn *client = &s->client.conn;
	enum io io;

	watch_enter(&s->watch, WATCH_RECEIVE);
	client_say(&s->client, ANSWER_GO);
	client_was_answered(&s->client);
	io = conn_flush(client);
	content_open(content, s->set->spool_directory,
	    clamd_first_line(&s->set->scan),
	    s->set->scan.mode == SCAN_MODE_SCAN);
	content_limit(content, s->upstream.size_max);
	conn_set_input_size(client, CONN_INPUT_MAX);
	if (io == IO_OK)
		io = read_content(client, content, s->set->timeout_ms);
	if (io == IO_OK)
		content_finish(content);
	return io;
}
