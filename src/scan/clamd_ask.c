/*
 * The questions to clamd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamd_ask.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "common/conn_out.h"

#define INSTREAM "nINSTREAM"
#define CHUNK_MAX ((off_t)1 << 30) /* octets; its length is 32 bits wide */

static void
put_length(struct conn *c, size_t length)
{
	uint32_t be = htonl((uint32_t)length);

	conn_put(c, &be, sizeof be);
}

/* Chunks of a length and as many octets. */
static enum io
put_content(struct conn *c, const struct content *content)
{
	off_t size = content_size(content);
	enum io io = IO_OK;

	for (off_t from = 0; from < size && io == IO_OK; from += CHUNK_MAX) {
		off_t to = size - from < CHUNK_MAX ? size : from + CHUNK_MAX;

		put_length(c, (size_t)(to - from));
		io = content_send(content, CONTENT_PLAIN, from, to, c);
	}
	return io;
}

/*
 * An answer counts when it comes after the last octet of the question: this is
 * asked before the one write that has that octet in it.
 */
static enum io
look_for_early_answer(struct conn *c)
{
	enum io io = conn_read(c);
	size_t len;

	(void)conn_peek(c, &len);
	return len > 0 ? IO_EOF : io;
}

/* The command, and the chunk that stands in front. */
static void
begin_stream(struct conn *c, const char *first)
{
	conn_log(c, '>', INSTREAM, strlen(INSTREAM));
	conn_put(c, INSTREAM "\n", strlen(INSTREAM "\n"));
	put_length(c, strlen(first));
	conn_put(c, first, strlen(first));
}

/* What was put, and the mark behind it, unless io is a failure already. */
static enum io
end_stream(struct conn *c, enum io io)
{
	static char end[4]; /* a length of 0 */

	if (io == IO_OK)
		io = look_for_early_answer(c);
	if (io != IO_OK)
		return io;
	conn_lend(c, end, sizeof end);
	return conn_flush(c);
}

enum io
clamd_ask_stream(struct conn *c, const struct content *content)
{
	begin_stream(c, CLAMD_SCAN_LINE);
	return end_stream(c, put_content(c, content));
}

enum io
clamd_ask_text(struct conn *c, const char *text)
{
	begin_stream(c, text);
	return end_stream(c, IO_OK);
}

enum io
clamd_ask_scan(struct conn *c, const struct content *content)
{
	struct strbuf command = {0};
	enum io io;

	strbuf_puts(&command, "zSCAN ");
	strbuf_puts(&command, content_path(content));
	conn_log(c, '>', strbuf_str(&command), command.len);
	conn_put(c, strbuf_str(&command), command.len + 1);
	strbuf_free(&command);
	io = look_for_early_answer(c);
	return io == IO_OK ? conn_flush(c) : io;
}

enum io
clamd_ask_fildes(struct conn *c, const struct content *content)
{
	/* With an octet behind it, since that is what carries a descriptor. */
	static const char command[] = "zFILDES\0";
	enum io io;

	conn_log(c, '>', command, strlen(command));
	io = look_for_early_answer(c);
	if (io != IO_OK)
		return io;
	return sock_pass(c->fd, command, sizeof command,
		   content_descriptor(content)) < 0
	    ? IO_ERROR
	    : IO_OK;
}
