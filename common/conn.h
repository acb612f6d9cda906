/*
 * A buffered connection: lines and octets in and out, under a deadline.
 *
 * Its buffers take memory only while something is in them.  What is put is
 * kept until conn_flush, so a turn of a dialogue is one system call.
 * Lines that go through are logged at LOG_DEBUG as "ROLE < line".
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_CONN_H
#define COMMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "common/pool.h"
#include "common/sock.h"
#include "common/strbuf.h"

#define CONN_LINE_MAX 4221 /* octets with line end; what 1.10 let pass */
#define CONN_INPUT_SIZE 16384 /* octets read ahead in a dialogue */
#define CONN_INPUT_MAX POOL_BUFFER_SIZE
#define CONN_LENT_MAX 4 /* pieces */
#define CONN_LOG_MAX 79 /* octets of a line that are logged; as 1.10 */
#define CONN_RATE_MIN 100 /* octets/s; slower bulk data meets its deadline */

/* How many octets of a line (way as in conn_log) may be logged. */
typedef size_t conn_shown(
    void *secrets, char way, const char *line, size_t len);

struct conn {
	const char *role; /* "CLIENT", "SERVER", "CLAMAV" */
	int fd;
	struct waiter *waiter;
	int timeout_ms; /* for writing, and for each wait of bulk data */
	struct { /* of conn.c, conn_line.c and conn_out.c alone */
		char *in; /* unread input is in[in_start..in_end) */
		size_t in_start, in_end, in_cap;
		size_t in_seen; /* unread octets known to have no LF */
		bool full; /* the last read took all there was room for */
		size_t line_max;
		size_t skipped; /* octets of a line too long, thrown away */
		struct strbuf out; /* what was put since the last sending */
		struct iovec lent[CONN_LENT_MAX]; /* behind out */
		size_t lent_count;
		bool sending;
		bool may_answer_early; /* input ends a write that waits */
		conn_shown *shown;
		void *secrets;
	} own;
};

/*
 * Take over fd.  role and waiter (may be NULL) are borrowed until conn_close.
 * timeout_ms bounds every conn_flush and conn_sendfile as conn_flush tells.
 */
void conn_open(struct conn *c, const char *role, int fd, struct waiter *waiter,
    int timeout_ms);

/* Let shown decide what of each line may be logged; secrets is for it alone. */
void conn_conceal(struct conn *c, conn_shown *shown, void *secrets);

/* Is there a descriptor? */
bool conn_is_open(const struct conn *c);

/* Close and forget everything; a closed or zeroed connection is left alone. */
void conn_close(struct conn *c);

/*
 * Close with a reset: what is still to be sent is thrown away, so a message
 * whose end the peer has not seen never ends.
 */
void conn_abort(struct conn *c);

/* Unread octets: their place, *len of them.  Borrowed until the next read. */
const char *conn_peek(const struct conn *c, size_t *len);

/* Forget the first n unread octets. */
void conn_consume(struct conn *c, size_t n);

/* Can conn_read take anything in? */
bool conn_has_room(const struct conn *c);

/* Did the last read leave no room, so that more may have been there? */
bool conn_was_full(const struct conn *c);

/*
 * Read up to size octets ahead from now on: CONN_INPUT_SIZE in a dialogue,
 * CONN_INPUT_MAX for bulk data.
 */
void conn_set_input_size(struct conn *c, size_t size);

/*
 * One read(2) of what is there, without waiting.  Returns IO_OK (also when
 * nothing came, or there was no room), IO_EOF, or IO_ERROR with errno.
 */
enum io conn_read(struct conn *c);

/* Wait until the deadline for at least one octet more.  As conn_read. */
enum io conn_fill(struct conn *c, struct deadline d);

/*
 * Like conn_fill, but reads before it waits: for bulk data, which is mostly
 * there already.
 */
enum io conn_fill_bulk(struct conn *c, struct deadline d);

/* Give memory back while nothing is unread or unsent. */
void conn_rest(struct conn *c);

/* Log "ROLE < line" or "ROLE > line" at LOG_DEBUG.  Secrets are "[...]". */
void conn_log(const struct conn *c, char way, const char *line, size_t len);

#endif
