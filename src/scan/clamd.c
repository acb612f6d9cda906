/*
 * Asking clamd about a message.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/conn.h"
#include "common/log.h"

#define INSTREAM "nINSTREAM"
#define STREAM_SUBJECT "stream" /* what clamd calls it in its answer */
#define CHUNK_MAX ((off_t)1 << 30) /* octets; its length is 32 bits wide */
#define UNNAMED_VIRUS "Unparsable.Virus.Name"

const char *
clamd_spool_prefix(const struct settings *set)
{
	return set->scan_mode == SCAN_MODE_SCAN ? CLAMD_SCAN_LINE : NULL;
}

/* Returns 0, or -1 after the failure was logged. */
static int
connect_clamd(struct conn *c, const struct settings *set, struct waiter *waiter)
{
	const int timeout_ms = set->timeout_s * 1000;
	char host[ADDR_TEXT_MAX];
	struct addr addr;
	int fd = -1;

	if (addr_resolve(&set->clam_address, NULL, &addr) == 0)
		fd = sock_connect(&addr, waiter, deadline_in(timeout_ms));
	if (fd < 0) {
		if (errno != ECANCELED)
			log_error("CLAMAV: couldn't connect to: %s: %m",
			    set->clam_address.text);
		return -1;
	}
	log_debug("CLAMAV connected to: %s", addr_host(&addr, host));
	conn_open(c, "CLAMAV", fd, waiter, timeout_ms);
	c->may_answer_early = true;
	return 0;
}

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

/* clamd(8), INSTREAM: chunks of a length and as many octets, 0 at the end. */
static enum io
ask_stream(struct conn *c, const struct spool *spool)
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
	return io == IO_OK ? conn_send(c, iov, 2, false) : io;
}

static enum io
ask_scan(struct conn *c, const struct spool *spool)
{
	struct strbuf command = {0};

	strbuf_puts(&command, "zSCAN ");
	strbuf_puts(&command, spool_path(spool));
	conn_log(c, '>', strbuf_str(&command), command.len);
	conn_put(c, strbuf_str(&command), command.len + 1);
	strbuf_free(&command);
	return conn_flush(c);
}

/*
 * Read until there is a complete line, and what may already stand behind it;
 * not until the end, since clamd does not close after every error.
 */
static enum io
read_answer(struct conn *c, struct deadline d)
{
	enum io io = IO_OK;
	size_t len;
	const char *answer = conn_peek(c, &len);

	while (io == IO_OK && !verdict_is_complete(answer, len) &&
	    conn_has_room(c)) {
		io = conn_fill(c, d);
		answer = conn_peek(c, &len);
	}
	if (io == IO_OK)
		(void)conn_read(c);
	return io;
}

static void
set_infected(struct scan_result *result, const struct verdict *v)
{
	result->named = v->named;
	if (v->named)
		strbuf_add(&result->name, v->name, v->name_len);
	else {
		log_warn("couldn't parse virus name from clamd response: %.*s",
		    (int)v->line_len, v->line);
		strbuf_puts(&result->name, UNNAMED_VIRUS);
	}
	log_debug("found virus: %s", strbuf_str(&result->name));
}

/* sent: clamd had everything before it answered. */
static void
judge(struct conn *c, const char *subject, bool sent, enum io io,
    struct scan_result *result)
{
	size_t len;
	const char *answer = conn_peek(c, &len);
	struct verdict v = verdict_parse(answer, len, subject);

	conn_log(c, '<', v.line, v.line_len);
	result->verdict = v.verdict;
	result->answered = len > 0 || io == IO_TIMEOUT;
	switch (v.verdict) {
	case SCAN_CLEAN:
		if (sent)
			log_debug("no virus");
		else {
			log_error("clamd answered before it had everything");
			result->verdict = SCAN_FAILED;
		}
		return;
	case SCAN_INFECTED:
		set_infected(result, &v);
		return;
	case SCAN_FAILED:
		break;
	}
	if (io == IO_TIMEOUT)
		log_warn("CLAMAV: network read operation timed out");
	if (!result->answered)
		log_error("clamd disconnected unexpectedly");
	else if (v.line_len >= 5 &&
	    memcmp(v.line + v.line_len - 5, "ERROR", 5) == 0)
		log_error("clamav error: %.*s", (int)v.line_len, v.line);
	else
		log_error("unexepected response from clamd: %.*s",
		    (int)v.line_len, v.line);
}

void
clamd_scan(const struct settings *set, const struct spool *spool,
    struct waiter *waiter, struct scan_result *result)
{
	const bool by_path = set->scan_mode == SCAN_MODE_SCAN;
	struct conn c = {0};
	bool sent;
	enum io io;

	*result = (struct scan_result){.verdict = SCAN_FAILED};
	if (connect_clamd(&c, set, waiter) < 0) {
		result->cancelled = errno == ECANCELED;
		return;
	}
	io = by_path ? ask_scan(&c, spool) : ask_stream(&c, spool);
	sent = io == IO_OK;
	/* When writing failed clamd may have said why, but need not wait for
	 * the rest. */
	if (io == IO_ERROR)
		conn_end_output(&c);
	if (io != IO_CANCELLED && io != IO_TIMEOUT)
		io = read_answer(&c, deadline_in(set->timeout_s * 1000));
	result->cancelled = io == IO_CANCELLED;
	if (!result->cancelled)
		judge(&c, by_path ? spool_path(spool) : STREAM_SUBJECT, sent,
		    io, result);
	conn_close(&c);
}
