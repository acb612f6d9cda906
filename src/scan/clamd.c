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
#include "src/scan/clamd_connect.h"

#define STREAM_SUBJECT "stream" /* what clamd calls it in its answer */
#define CLOSE_MAX_MS 1000 /* clamd closes behind its answer at once */
#define UNNAMED_VIRUS "Unparsable.Virus.Name"

struct talk {
	const struct clamd_order *order;
	const char *subject; /* as clamd names it in its answer */
	struct conn conn;
	bool asked; /* clamd had the whole question before it answered */
	enum io io; /* how the reading ended */
};

const char *
clamd_first_line(const struct scan_config *config)
{
	return config->mode == SCAN_MODE_STREAM ? NULL : CLAMD_SCAN_LINE;
}

/* Of what goes wrong. */
static int
priority(const struct talk *t)
{
	return t->order->is_look ? LOG_DEBUG : LOG_ERR;
}

static enum clamd_end
judge_connect_error(void)
{
	switch (errno) {
	case ECANCELED:
		return CLAMD_CANCELLED;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return CLAMD_NO_MEANS;
	default:
		return CLAMD_UNREACHED;
	}
}

/* Returns 0, or -1 with errno after the failure was logged. */
static int
connect_clamd(struct talk *t, struct waiter *waiter)
{
	const struct clamd_order *o = t->order;
	char host[ADDR_TEXT_MAX];
	struct addr addr;
	int fd =
	    clamd_connect(o->address, waiter, o->connect_ms, o->until, &addr);

	if (fd < 0) {
		if (errno != ECANCELED)
			log_write(priority(t),
			    "CLAMAV: couldn't connect to: %s: %m",
			    o->address->text);
		return -1;
	}
	log_debug("CLAMAV connected to: %s", addr_host(&addr, host));
	conn_open(&t->conn, "CLAMAV", fd, waiter, o->timeout_ms);
	conn_expect_early_answer(&t->conn, true);
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
set_infected(struct clamd_answer *answer, const struct verdict *v)
{
	answer->named = v->named;
	if (v->named)
		strbuf_add(&answer->name, v->name, v->name_len);
	else {
		log_warn("couldn't parse virus name from clamd response: %.*s",
		    (int)v->line_len, v->line);
		strbuf_puts(&answer->name, UNNAMED_VIRUS);
	}
	log_debug("found virus: %s", strbuf_str(&answer->name));
}

static const char *
name_silence(const struct talk *t, size_t answer_len)
{
	if (!t->asked)
		return "took nothing";
	return answer_len == 0 ? "answered nothing" : "did not end its answer";
}

static bool
says_error(const struct verdict *v)
{
	return v->line_len >= 5 &&
	    memcmp(v->line + v->line_len - 5, "ERROR", 5) == 0;
}

/* Why there is no verdict. */
static void
explain(const struct talk *t, const struct verdict *v, int p)
{
	const int line_len = (int)v->line_len;
	size_t len;

	(void)conn_peek(&t->conn, &len);
	if (t->io == IO_TIMEOUT)
		log_write(p, "clamd %s %s for %d s", t->order->address->text,
		    name_silence(t, len), t->order->timeout_ms / 1000);
	else if (len == 0)
		log_write(p, "clamd disconnected unexpectedly");
	else if (!t->asked)
		log_write(p, "clamd answered before it had everything: %.*s",
		    line_len, v->line);
	else if (v->verdict == SCAN_CLEAN)
		log_write(p, "clamd broke the connection behind its answer");
	else if (says_error(v))
		log_write(p, "clamav error: %.*s", line_len, v->line);
	else /* 1.10 spells it so, and logs are searched for it */
		log_write(p, "unexepected response from clamd: %.*s%s",
		    line_len, v->line,
		    len > v->line_len + 1 ? " (and more)" : "");
}

/* There is no verdict: what kind of failure is it? */
static enum clamd_end
name_failure(const struct talk *t, const struct verdict *v)
{
	size_t len;

	(void)conn_peek(&t->conn, &len);
	if (t->io == IO_TIMEOUT)
		return CLAMD_SILENT;
	if (t->order->mode == SCAN_MODE_FILDES &&
	    (len == 0 || verdict_is_without_file(v)))
		return CLAMD_NO_FILE;
	return len == 0 ? CLAMD_CLOSED : CLAMD_UNCLEAR;
}

static enum clamd_end
end_without_verdict(const struct talk *t, const struct verdict *v)
{
	enum clamd_end end = name_failure(t, v);

	/* No failure yet, as there is another way. */
	explain(t, v, end == CLAMD_NO_FILE ? LOG_DEBUG : priority(t));
	return end;
}

static void
log_oversize(const struct talk *t, const struct verdict *v)
{
	if (t->order->content != NULL)
		log_warn("message of %lld octets not scanned: beyond clamd's "
			 "limit %.*s",
		    (long long)content_size(t->order->content),
		    (int)v->limit_len, v->limit);
}

/* Is what clamd has said to be believed? */
static bool
is_believed(const struct talk *t, enum scan_verdict verdict)
{
	switch (verdict) {
	case SCAN_OVERSIZE:
		return true;
	case SCAN_INFECTED:
		return t->asked;
	case SCAN_CLEAN:
		return t->asked && t->io == IO_EOF;
	case SCAN_FAILED:
		break;
	}
	return false;
}

static enum clamd_end
judge(const struct talk *t, struct clamd_answer *answer)
{
	struct verdict v = parse(t);
	size_t len;

	(void)conn_peek(&t->conn, &len);
	conn_log(&t->conn, '<', v.line, v.line_len);
	if (len > 0 || t->io == IO_TIMEOUT)
		answer->engaged = true;
	if (!is_believed(t, v.verdict))
		return end_without_verdict(t, &v);
	if (v.verdict == SCAN_OVERSIZE) {
		log_oversize(t, &v);
		answer->named = true;
		strbuf_add(&answer->name, v.name, v.name_len);
	} else if (v.verdict == SCAN_INFECTED)
		set_infected(answer, &v);
	else
		log_debug("no virus");
	answer->verdict = v.verdict;
	answer->clamd = t->order->address->text;
	return CLAMD_VERDICT;
}

/* Ask, and know how clamd names what it was asked about. */
static enum io
ask_by_mode(struct talk *t)
{
	const struct clamd_order *o = t->order;

	t->subject = STREAM_SUBJECT;
	if (o->content == NULL)
		return clamd_ask_text(&t->conn, o->text);
	switch (o->mode) {
	case SCAN_MODE_FILDES:
		t->subject = VERDICT_DESCRIPTOR;
		return clamd_ask_fildes(&t->conn, o->content);
	case SCAN_MODE_SCAN:
		t->subject = content_path(o->content);
		return clamd_ask_scan(&t->conn, o->content);
	case SCAN_MODE_STREAM:
		break;
	}
	return clamd_ask_stream(&t->conn, o->content);
}

static void
ask(struct talk *t)
{
	t->io = ask_by_mode(t);
	t->asked = t->io == IO_OK;
	/* When writing failed clamd may have said why, but need not wait for
	 * the rest. */
	if (t->io == IO_ERROR)
		conn_end_output(&t->conn);
}

static void
hear(struct talk *t)
{
	const struct clamd_order *o = t->order;
	enum scan_verdict verdict;

	t->io = read_answer(
	    &t->conn, deadline_min(deadline_in(o->timeout_ms), o->until));
	verdict = parse(t).verdict;
	if (verdict == SCAN_FAILED)
		return;
	/* Who has left octets unread does not speak of them. */
	t->asked = t->asked && sock_queued(t->conn.fd) == 0;
	if (verdict == SCAN_CLEAN && t->asked && t->io == IO_OK)
		t->io = await_close(&t->conn);
}

enum clamd_end
clamd_scan(const struct clamd_order *order, struct waiter *waiter,
    struct clamd_answer *answer)
{
	struct talk t = {.order = order};
	enum clamd_end end = CLAMD_CANCELLED;

	answer->verdict = SCAN_FAILED;
	if (connect_clamd(&t, waiter) < 0)
		return judge_connect_error();
	ask(&t);
	if (t.io != IO_CANCELLED && t.io != IO_TIMEOUT)
		hear(&t);
	if (t.io != IO_CANCELLED)
		end = judge(&t, answer);
	conn_close(&t.conn);
	return end;
}
