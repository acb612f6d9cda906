/*
 * One talk with clamd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamd.h"

#include <errno.h>
#include <string.h>

#include "common/conn_out.h"
#include "common/log.h"
#include "src/scan/clamd_ask.h"

#define STREAM_SUBJECT "stream" /* what clamd calls it in its answer */
#define CLOSE_MAX_MS 1000 /* clamd closes behind its answer at once */
#define UNNAMED_VIRUS "Unparsable.Virus.Name"

struct talk {
	const struct scan_config *config;
	const struct content *content;
	const char *subject; /* as clamd names it in its answer */
	struct conn conn;
	bool asked; /* clamd had the whole question before it answered */
	enum io io; /* how the reading ended */
};

const char *
clamd_first_line(const struct scan_config *config)
{
	return config->mode == SCAN_MODE_SCAN ? CLAMD_SCAN_LINE : NULL;
}

/* Returns 0, or -1 after the failure was logged. */
static int
connect_clamd(
    struct conn *c, const struct scan_config *config, struct waiter *waiter)
{
	char host[ADDR_TEXT_MAX];
	struct addr addr;
	int fd = -1;

	if (addr_resolve(&config->address, NULL, &addr) == 0)
		fd = sock_connect(
		    &addr, waiter, deadline_in(config->timeout_ms));
	if (fd < 0) {
		if (errno != ECANCELED)
			log_error("CLAMAV: couldn't connect to: %s: %m",
			    config->address.text);
		return -1;
	}
	log_debug("CLAMAV connected to: %s", addr_host(&addr, host));
	conn_open(c, "CLAMAV", fd, waiter, config->timeout_ms);
	c->may_answer_early = true;
	return 0;
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
	return io == IO_OK ? conn_read(c) : io;
}

/*
 * clamd closes behind its one line.  What comes instead, or a reset, which says
 * that it has not read all, makes a doubt of OK; that it stays is none.
 */
static enum io
await_close(struct conn *c)
{
	enum io io = conn_fill(c, deadline_in(CLOSE_MAX_MS));

	return io == IO_TIMEOUT ? IO_EOF : io;
}

static struct verdict
parse(const struct talk *t)
{
	size_t len;
	const char *answer = conn_peek(&t->conn, &len);

	return verdict_parse(answer, len, t->subject);
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

static const char *
name_silence(const struct talk *t, size_t answer_len)
{
	if (!t->asked)
		return "took nothing";
	return answer_len == 0 ? "answered nothing" : "did not end its answer";
}

/* Why there is no verdict. */
static void
explain(const struct talk *t, const struct verdict *v)
{
	const char *more;
	size_t len;

	(void)conn_peek(&t->conn, &len);
	more = len > v->line_len + 1 ? " (and more)" : "";
	if (t->io == IO_TIMEOUT)
		log_error("clamd %s %s for %d s", t->config->address.text,
		    name_silence(t, len), t->config->timeout_ms / 1000);
	else if (len == 0)
		log_error("clamd disconnected unexpectedly");
	else if (!t->asked)
		log_error("clamd answered before it had everything: %.*s",
		    (int)v->line_len, v->line);
	else if (v->verdict == SCAN_CLEAN)
		log_error("clamd broke the connection behind its answer");
	else if (v->line_len >= 5 &&
	    memcmp(v->line + v->line_len - 5, "ERROR", 5) == 0)
		log_error("clamav error: %.*s", (int)v->line_len, v->line);
	else
		log_error("unexepected response from clamd: %.*s%s",
		    (int)v->line_len, v->line, more);
}

static void
log_oversize(const struct talk *t, const struct verdict *v)
{
	log_warn(
	    "message of %lld octets not scanned: beyond clamd's limit %.*s",
	    (long long)content_size(t->content), (int)v->name_len, v->name);
}

static enum scan_verdict
judge(const struct talk *t, struct scan_result *result)
{
	struct verdict v = parse(t);
	size_t len;

	(void)conn_peek(&t->conn, &len);
	conn_log(&t->conn, '<', v.line, v.line_len);
	result->answered = len > 0 || t->io == IO_TIMEOUT;
	if (v.verdict == SCAN_OVERSIZE) {
		log_oversize(t, &v);
		return v.verdict;
	}
	if (v.verdict == SCAN_INFECTED && t->asked) {
		set_infected(result, &v);
		return v.verdict;
	}
	if (v.verdict == SCAN_CLEAN && t->asked && t->io == IO_EOF) {
		log_debug("no virus");
		return v.verdict;
	}
	explain(t, &v);
	return SCAN_FAILED;
}

static void
ask(struct talk *t)
{
	const bool by_path = t->config->mode == SCAN_MODE_SCAN;

	t->subject = by_path ? content_path(t->content) : STREAM_SUBJECT;
	t->io = by_path ? clamd_ask_scan(&t->conn, t->content)
			: clamd_ask_stream(&t->conn, t->content);
	t->asked = t->io == IO_OK;
	/* When writing failed clamd may have said why, but need not wait for
	 * the rest. */
	if (t->io == IO_ERROR)
		conn_end_output(&t->conn);
}

static void
hear(struct talk *t)
{
	enum scan_verdict verdict;

	t->io = read_answer(&t->conn, deadline_in(t->config->timeout_ms));
	verdict = parse(t).verdict;
	if (verdict == SCAN_FAILED)
		return;
	/* Who has left octets unread does not speak of them. */
	t->asked = t->asked && sock_queued(t->conn.fd) == 0;
	if (verdict == SCAN_CLEAN && t->asked && t->io == IO_OK)
		t->io = await_close(&t->conn);
}

void
clamd_scan(const struct scan_config *config, const struct content *content,
    struct waiter *waiter, struct scan_result *result)
{
	struct talk t = {.config = config, .content = content};

	*result = (struct scan_result){.verdict = SCAN_FAILED};
	if (connect_clamd(&t.conn, config, waiter) < 0) {
		result->cancelled = errno == ECANCELED;
		return;
	}
	ask(&t);
	if (t.io != IO_CANCELLED && t.io != IO_TIMEOUT)
		hear(&t);
	result->cancelled = t.io == IO_CANCELLED;
	if (!result->cancelled)
		result->verdict = judge(&t, result);
	conn_close(&t.conn);
}
