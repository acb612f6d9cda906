/*
 * The questions to clamd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamd_ask.h"
#include "common/conn_out.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define INSTREAM "nINSTREAM"
#define CHUNK_MAX ((off_t)1 << 30) /* octets; its length is 32 bits wide */

static void
put_length(struct conn *c, size_t length)
{
	uint32_t be = htonl((uint32_t)length);

	conn_put(c, &be, sizeof be);
}

static enum io
send_file(struct conn *c, const struct spool *spool)
{
	off_t offset = 0, size = spool_size(spool);
	enum io io = IO_OK;

	while (offset < size && io == IO_OK) {
		off_t len = size - offset;

		if (len > CHUNK_MAX)
			len = CHUNK_MAX;
		put_length(c, (size_t)len);
		io = conn_sendfile(
		    c, spool->fd, offset + (off_t)spool->prefix_len, len);
		offset += len;
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

enum io
clamd_ask_stream(struct conn *c, const struct spool *spool)
{
	static char end[4];
	struct iovec iov[2] = {{0}, {end, sizeof end}};
	enum io io = IO_OK;

	conn_log(c, '>', INSTREAM, strlen(INSTREAM));
	conn_put(c, INSTREAM "\n", strlen(INSTREAM "\n"));
	put_length(c, strlen(CLAMD_SCAN_LINE));
	conn_put(c, CLAMD_SCAN_LINE, strlen(CLAMD_SCAN_LINE));
	iov[0].iov_base = spool_memory(spool);
	if (iov[0].iov_base == NULL)
		io = send_file(c, spool);
	else if (spool_size(spool) > 0) { /* a length of 0 would be the end */
		iov[0].iov_len = (size_t)spool_size(spool);
		put_length(c, iov[0].iov_len);
	}
	if (io == IO_OK)
		io = look_for_early_answer(c);
	return io == IO_OK ? conn_send(c, iov, 2, false) : io;
}

enum io
clamd_ask_scan(struct conn *c, const struct spool *spool)
{
	struct strbuf command = {0};
	enum io io;

	strbuf_puts(&command, "zSCAN ");
	strbuf_puts(&command, spool_path(spool));
	conn_log(c, '>', strbuf_str(&command), command.len);
	conn_put(c, strbuf_str(&command), command.len + 1);
	strbuf_free(&command);
	io = look_for_early_answer(c);
	return io == IO_OK ? conn_flush(c) : io;
}
