/*
 * Handing a message's content over to the server.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/forward.h"

#include <string.h>

#include "common/conn_out.h"
#include "common/log.h"
#include "src/mail/header_line.h"
#include "src/session/client_out.h"
#include "src/session/upstream_own.h"
#include "src/smtp/smtp_reply.h"

/* What the server says before the end of mail data does not answer it. */
static enum io
look_for_early_answer(struct session *s)
{
	enum io io = conn_read(&s->upstream.conn);
	size_t len;

	(void)conn_peek(&s->upstream.conn, &len);
	return len > 0 ? IO_EOF : io;
}

/* The last look before nothing can be taken back. */
static enum io
look_before_end(struct session *s)
{
	enum io io = look_for_early_answer(s);

	if (io == IO_OK && !client_awaits_message(&s->client))
		return IO_CANCELLED;
	if (io == IO_OK && watch_has_used_budget(&s->watch))
		return IO_TIMEOUT;
	return io;
}

static enum io
send_around_stamp(
    struct session *s, const struct content *content, const struct stamp *stamp)
{
	struct conn *conn = &s->upstream.conn;
	static char terminator[] = DOT_TERMINATOR;
	enum io io;

	if (stamp->text.failed)
		return IO_ERROR;
	io = content_send(content, CONTENT_STUFFED, 0, stamp->place, conn);
	if (io == IO_OK && stamp->text.len > 0)
		conn_lend(conn, stamp->text.data, stamp->text.len);
	if (io == IO_OK)
		io = content_send(content, CONTENT_STUFFED, stamp->place,
		    content_size(content), conn);
	if (io == IO_OK)
		io = look_before_end(s);
	if (io != IO_OK)
		return io;
	conn_log(conn, '>', ".", 1);
	conn_lend(conn, terminator, strlen(DOT_TERMINATOR));
	return conn_flush(conn);
}

static void
tell_timeout(const struct session *s)
{
	if (watch_has_used_budget(&s->watch))
		log_warn("no time is left to pass the message on");
	else
		upstream_tell_stall(&s->upstream, s->watch.timeout_ms);
}

static void
make_stamp(const struct session *s, const struct content *content,
    const struct stamp_mark *mark, struct stamp *stamp)
{
	char local[ADDR_TEXT_MAX];
	struct stamp_source source = {.header = s->set->header,
	    .client_ip = s->client.ip,
	    .local_ip = ""};

	if (header_line_wants_local_ip(source.header))
		source.local_ip = client_local_ip(&s->client, local);
	stamp_make(stamp, mark, &content->places, &source);
}

/* IO_EOF: the server has answered before it had all of it. */
static enum io
send_content(struct session *s, const struct content *content,
    const struct stamp_mark *mark)
{
	struct stamp stamp;
	enum io io;

	make_stamp(s, content, mark, &stamp);
	conn_expect_early_answer(&s->upstream.conn, true);
	io = send_around_stamp(s, content, &stamp);
	if (io == IO_TIMEOUT)
		tell_timeout(s);
	conn_expect_early_answer(&s->upstream.conn, false);
	conn_take_back(&s->upstream.conn);
	strbuf_free(&stamp.text);
	return io;
}

/* Ask for the data phase.  IO_OK: the server has answered, in *r. */
static enum io
open_data(struct session *s, struct upstream_reply *r)
{
	enum io io =
	    upstream_await_pending(&s->upstream, watch_timeout(&s->watch));

	if (io != IO_OK)
		return io;
	conn_put_line(&s->upstream.conn, "DATA", 4);
	io = conn_flush(&s->upstream.conn);
	if (io == IO_OK)
		io = upstream_await_reply(
		    &s->upstream, r, watch_timeout(&s->watch));
	return io;
}

static enum forward_outcome
defer(struct session *s)
{
	upstream_lose(&s->upstream, UPSTREAM_GIVEN_UP);
	if (s->client.end != CLIENT_STAYS) /* it has its last word */
		return FORWARD_GIVEN_UP;
	client_conclude(&s->client, ANSWER_LOCAL_ERROR);
	return FORWARD_FAILED;
}

/* Is it a refusal, and not what makes no sense here? */
static bool
is_refusal(const struct upstream_reply *r, struct forward_report *report)
{
	const char *text = strbuf_str(&r->text);
	const size_t len = strcspn(text, "\r\n");

	if (report->reply.len == 0)
		strbuf_add(&report->reply, text, len);
	if (r->code >= 400 && r->code <= 599)
		return true;
	log_error("server gave an unexpected reply: %.*s", (int)len, text);
	return false;
}

/*
 * What the server has answered to less than the whole message: no promise.  It
 * is the client's reply for each recipient.
 */
static enum forward_outcome
conclude(struct session *s, const struct upstream_reply *r,
    struct forward_report *report)
{
	if (!is_refusal(r, report))
		return defer(s);
	do
		client_relay_reply(&s->client, r->code, &r->text);
	while (s->client.due > 0);
	return FORWARD_REFUSED;
}

/*
 * The server does not want the content.  Its transaction is still there, and
 * must not get the recipients of the next one.
 */
static enum forward_outcome
conclude_without_data(struct session *s, const struct upstream_reply *r,
    struct forward_report *report)
{
	enum forward_outcome outcome = conclude(s, r, report);

	log_debug("server refused data transfer");
	if (outcome != FORWARD_REFUSED)
		return outcome;
	if (r->code == 421)
		upstream_leave(&s->upstream, UPSTREAM_LEFT);
	else
		session_reset_upstream(s);
	return outcome;
}

/* The server answers in the middle of the content and will not get the rest. */
static enum forward_outcome
conclude_early(struct session *s, struct forward_report *report)
{
	enum forward_outcome outcome;
	struct upstream_reply r;

	if (upstream_await_reply(&s->upstream, &r, watch_timeout(&s->watch)) ==
	    IO_OK)
		outcome = conclude(s, &r, report);
	else
		outcome = defer(s);
	strbuf_free(&r.text);
	upstream_lose(&s->upstream, UPSTREAM_GIVEN_UP);
	return outcome;
}

static void
note_acceptance(const struct upstream_reply *r, struct forward_report *report)
{
	const char *text = strbuf_str(&r->text);

	if (report->accepted++ == 0)
		strbuf_add(&report->acceptance, text, strcspn(text, "\r\n"));
}

/* The server's answer to the whole message, or for one recipient of it. */
static enum forward_outcome
take_reply(struct session *s, struct forward_report *report)
{
	struct upstream_reply r = {0};
	enum forward_outcome outcome = FORWARD_FAILED;

	if (upstream_await_reply(
		&s->upstream, &r, deadline_in(FORWARD_REPLY_MS)) == IO_OK) {
		if (smtp_reply_is_positive(r.code)) {
			note_acceptance(&r, report);
			outcome = FORWARD_ACCEPTED;
		} else if (is_refusal(&r, report))
			outcome = FORWARD_REFUSED;
	}
	if (outcome == FORWARD_FAILED)
		outcome = defer(s);
	if (outcome == FORWARD_ACCEPTED || outcome == FORWARD_REFUSED)
		client_relay_reply(&s->client, r.code, &r.text);
	if (r.code == 421)
		upstream_leave(&s->upstream, UPSTREAM_LEFT);
	strbuf_free(&r.text);
	return outcome;
}

/*
 * As many replies as the client awaits.  Each is the server's own word for its
 * recipient; of whom the server says nothing more, nobody knows.
 */
static enum forward_outcome
conclude_with_data(struct session *s, struct forward_report *report)
{
	enum forward_outcome outcome = take_reply(s, report);

	while (s->client.due > 0 && s->upstream.lost == UPSTREAM_THERE) {
		if (s->client.end == CLIENT_STAYS)
			client_flush(&s->client);
		outcome = take_reply(s, report);
	}
	if (s->client.due > 0)
		client_conclude(&s->client, ANSWER_LOCAL_ERROR);
	if (outcome == FORWARD_REFUSED && report->accepted > 0)
		return FORWARD_ACCEPTED;
	return outcome;
}

/* The content, after the server has said 354. */
static enum forward_outcome
hand_over(struct session *s, const struct content *content,
    const struct stamp_mark *mark, struct forward_report *report)
{
	enum io io;

	log_debug("sending from cache file: %s", content_path(content));
	io = send_content(s, content, mark);
	/* A server that refuses in the middle may have closed as well. */
	if (io != IO_OK && s->client.end == CLIENT_STAYS &&
	    look_for_early_answer(s) == IO_EOF)
		return conclude_early(s, report);
	if (io != IO_OK)
		return defer(s);
	log_debug("sent email data");
	watch_enter(&s->watch, WATCH_FINAL);
	return conclude_with_data(s, report);
}

enum forward_outcome
forward_message(struct session *s, const struct content *content,
    const struct stamp_mark *mark, struct forward_report *report)
{
	enum forward_outcome outcome;
	struct upstream_reply r = {0};

	watch_enter(&s->watch, WATCH_LAST_STEP);
	if (open_data(s, &r) != IO_OK)
		outcome = defer(s);
	else if (r.code == 354)
		outcome = hand_over(s, content, mark, report);
	else
		outcome = conclude_without_data(s, &r, report);
	strbuf_free(&r.text);
	return outcome;
}
