/*
 * A message's content.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/content.h"

#include <errno.h>
#include <string.h>

#include "common/conn_out.h"
#include "common/log.h"
#include "common/pool.h"

#define ENCODE_SIZE (POOL_BUFFER_SIZE / 3) /* octets encoded at once */

static void
give_up(struct content *c, const char *what)
{
	log_error("%s: %s: %m", what, spool_path(&c->spool));
	c->failed = true;
	spool_close(&c->spool); /* others may need the room on the disk */
}

void
content_open(
    struct content *c, const char *dir, const char *first_line, bool named)
{
	*c = (struct content){0};
	if (spool_open(&c->spool, dir, first_line, named) < 0)
		give_up(c, "couldn't open cache file");
	else
		log_debug("created cache file: %s", spool_path(&c->spool));
}

static void
refuse(struct content *c)
{
	log_warn("message exceeds the mail server's SIZE of %llu octets",
	    c->size_max);
	c->too_large = true;
	spool_close(&c->spool);
}

void
content_limit(struct content *c, unsigned long long size_max)
{
	c->size_max = size_max;
}

/* Decode what was read into the spool; false when that failed. */
static bool
store(struct content *c, const char *in, size_t len, size_t *used)
{
	size_t room, n;
	char *out = spool_room(&c->spool, DOT_DECODE_ROOM, &room);

	if (out == NULL) {
		give_up(c, "couldn't write to cache file");
		return false;
	}
	*used = dot_decode(&c->dots, in, len, out, room, &n);
	header_scan_feed(&c->places, out, n);
	spool_commit(&c->spool, n);
	c->octets += n;
	if (c->size_max > 0 && c->octets > c->size_max)
		refuse(c);
	return true;
}

static void
throw_away(struct content *c, const char *in, size_t len, size_t *used)
{
	char out[4096];
	size_t n;

	/* No more than has room when every octet becomes two. */
	if (len > sizeof out / 2 - DOT_DECODE_ROOM)
		len = sizeof out / 2 - DOT_DECODE_ROOM;
	*used = dot_decode(&c->dots, in, len, out, sizeof out, &n);
	c->octets += n;
}

size_t
content_take(struct content *c, const char *in, size_t len)
{
	size_t taken = 0, used;

	while (taken < len && !content_is_complete(c)) {
		if (c->failed || c->too_large ||
		    !store(c, in + taken, len - taken, &used))
			throw_away(c, in + taken, len - taken, &used);
		taken += used;
	}
	c->taken += taken;
	return taken;
}

unsigned long long
content_received(const struct content *c)
{
	return c->taken - c->dots.removed;
}

bool
content_is_complete(const struct content *c)
{
	return c->dots.state == DOT_END;
}

void
content_finish(struct content *c)
{
	if (c->failed || c->too_large)
		return;
	header_scan_finish(&c->places);
	if (spool_finish(&c->spool) < 0)
		give_up(c, "couldn't write to cache file");
	else
		log_debug("wrote %lld bytes to cache",
		    (long long)spool_size(&c->spool));
}

off_t
content_size(const struct content *c)
{
	return spool_size(&c->spool);
}

const char *
content_path(const struct content *c)
{
	return spool_path(&c->spool);
}

int
content_descriptor(const struct content *c)
{
	return c->spool.fd;
}

static bool
check(const struct content *c, bool is_good)
{
	if (!is_good)
		log_error("couldn't read from cache file: %s: %s",
		    spool_path(&c->spool),
		    errno == 0 ? "it is not what was written"
			       : strerror(errno));
	return is_good;
}

bool
content_is_whole(const struct content *c)
{
	return check(c, spool_is_whole(&c->spool));
}

bool
content_is_readable(const struct content *c)
{
	return check(c, spool_is_readable(&c->spool));
}

void
content_retire(struct content *c)
{
	spool_retire(&c->spool);
}

/* By way of two buffers. */
static enum io
send_encoded(const struct content *c, off_t from, off_t to, struct conn *conn,
    char *in, char *out)
{
	struct dot_encoder dots = {0};
	enum io io = IO_OK;

	while (from < to && io == IO_OK) {
		size_t n =
		    to - from < ENCODE_SIZE ? (size_t)(to - from) : ENCODE_SIZE;

		errno = 0;
		if (!check(c, spool_read(&c->spool, from, in, n) == (ssize_t)n))
			return IO_ERROR;
		conn_lend(conn, out, dot_encode(&dots, in, n, out));
		io = conn_send(conn, true);
		from += (off_t)n;
	}
	return io;
}

static enum io
send_stuffed(const struct content *c, off_t from, off_t to, struct conn *conn)
{
	char *buffer = pool_get();
	enum io io;

	if (buffer == NULL)
		return IO_ERROR;
	io = send_encoded(c, from, to, conn, buffer, buffer + ENCODE_SIZE);
	pool_put(buffer);
	return io;
}

enum io
content_send(const struct content *c, enum content_form form, off_t from,
    off_t to, struct conn *conn)
{
	char *memory = spool_memory(&c->spool);

	if (from == to)
		return IO_OK;
	if (form == CONTENT_STUFFED && c->dots.may_have_dots)
		return send_stuffed(c, from, to, conn);
	if (memory == NULL)
		return conn_sendfile(conn, c->spool.fd,
		    from + (off_t)c->spool.prefix_len, to - from);
	conn_lend(conn, memory + from, (size_t)(to - from));
	return IO_OK;
}

int
content_quarantine(const struct content *c, struct strbuf *path)
{
	return spool_quarantine(&c->spool, path);
}

void
content_close(struct content *c)
{
	spool_close(&c->spool);
}
