/*
 * The output of a buffered connection: what was put, and bulk data.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_CONN_OUT_H
#define COMMON_CONN_OUT_H

#include <sys/types.h>

#include "common/conn.h"

/*
 * Append to the output.  When memory runs out, conn_flush says so.  What is put
 * to a closed connection is thrown away.
 */
void conn_put(struct conn *c, const void *data, size_t len);

/* Make sure that n octets more can be put.  Returns 0, or -1 with ENOMEM. */
int conn_reserve(struct conn *c, size_t n);

/* Throw away what was put and not sent.  Was there anything? */
bool conn_drop(struct conn *c);

/* Has memory run out for what was put, so that it cannot be sent? */
bool conn_has_failed(const struct conn *c);

/* Append a line and CRLF, and log it. */
void conn_put_line(struct conn *c, const char *line, size_t len);

/*
 * Append a piece that is not copied: it is borrowed, and not written to, until
 * it was sent.  Until then nothing may be put, and at most CONN_LENT_MAX pieces
 * be lent.
 */
void conn_lend(struct conn *c, void *data, size_t len);

/* Forget what was lent and has not been sent. */
void conn_take_back(struct conn *c);

/*
 * Send the output.  more: hold back the last short segment, as more follows.
 * The peer has the connection's timeout_ms, renewed as it takes CONN_RATE_MIN
 * octets per second.  What is put meanwhile, by a waiter, is sent behind it;
 * another conn_flush leaves it to the first.
 * Returns IO_OK, IO_TIMEOUT, IO_CANCELLED, IO_EOF (the peer may answer early
 * and has), or IO_ERROR with errno (EPIPE, ECONNRESET, ENOMEM, ...).
 */
enum io conn_send(struct conn *c, bool more);
enum io conn_flush(struct conn *c);

/* From now on (or no more) input ends a write that waits: IO_EOF. */
void conn_expect_early_answer(struct conn *c, bool expected);

/* From now on the peer has no longer than this for what is sent. */
void conn_hurry(struct conn *c, int timeout_ms);

/* Tell the peer that nothing more will come; what it says can still be read. */
void conn_end_output(struct conn *c);

/*
 * Send len octets of the file fd from offset on, after the output.  As
 * conn_send; IO_ERROR with EIO when the file is shorter.
 */
enum io conn_sendfile(struct conn *c, int fd, off_t offset, off_t len);

#endif
