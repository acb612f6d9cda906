/*
 * From the server to the client: replies.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strutil.h"
#include "src/session/commands.h"
#include "src/smtp/esmtp.h"
#include "src/smtp/smtp_reply.h"

#define OUR_NAME "smtp.passthru"
#define TEXT_LOST " (text lost for want of memory)"

/* Relay a line as it is, but for octets that could be taken for its end. */
static void
put_line(struct session *s, const char *line, size_t len)
{
	struct strbuf *out = &s->client.out;

	conn_put_line(&s->client, line, len);
	if (out->failed || out->len < len + 2)
		return;
	for (char *p = out->data + out->len - len - 2; len > 0; p++, len--)
		if (*p == '\0' || *p == '\r')
			*p = '?';
}

static void
put_greeting(
    struct session *s, const struct line *l, const struct smtp_reply_line *r)
{
	if (r->code != 220)
		put_line(s, l->data, l->len);
	else if (r->last) {
		log_debug("intercepting initial response");
		session_reply(s, "220 " OUR_NAME);
	}
}

static void
put_host_name(
    struct session *s, const struct line *l, const struct smtp_reply_line *r)
{
	if (l->len <= 3) { /* "250" names no host */
		put_line(s, l->data, l->len);
		return;
	}
	log_debug("intercepting host response");
	session_reply(s, r->last ? "250 " OUR_NAME : "250-" OUR_NAME);
}

static void
put_extension(
    struct session *s, const struct line *l, const struct smtp_reply_line *r)
{
	switch (esmtp_judge(r->text, r->text_len)) {
	case ESMTP_PIPELINING:
		s->server_pipelines = true;
		put_line(s, l->data, l->len);
		return;
	case ESMTP_PASSED:
		put_line(s, l->data, l->len);
		return;
	case ESMTP_XCLIENT:
		s->xclient_offered = true;
		break;
	case ESMTP_FILTERED:
		break;
	}
	log_debug("filtered ESMTP feature: %.*s", (int)r->text_len, r->text);
	if (r->last)
		session_reply(s, "250 " ESMTP_PLACEHOLDER);
}

/* Does the client see the reply? */
static bool
is_shown(enum pending_kind kind)
{
	return kind != PENDING_XCLIENT && kind != PENDING_SWALLOW &&
	    kind != PENDING_OWN_RSET;
}

/* Show the client what it may see of this line. */
static void
show_line(struct session *s, const struct pending *p, const struct line *l,
    const struct smtp_reply_line *r)
{
	switch (p->kind) {
	case PENDING_GREETING:
		put_greeting(s, l, r);
		return;
	case PENDING_EHLO:
	case PENDING_HELO:
		/* Whatever 2yz it is, it accepts, and the client may use it. */
		if (smtp_reply_is_positive(r->code) && p->lines == 1)
			put_host_name(s, l, r);
		else if (smtp_reply_is_positive(r->code) &&
		    p->kind == PENDING_EHLO)
			put_extension(s, l, r);
		else
			put_line(s, l->data, l->len);
		return;
	case PENDING_XCLIENT:
	case PENDING_SWALLOW:
	case PENDING_OWN_RSET:
	case PENDING_OWN:
		return;
	case PENDING_MAIL:
	case PENDING_RCPT:
	case PENDING_RSET:
	case PENDING_XFORWARD:
	case PENDING_AUTH:
	case PENDING_QUIT:
	case PENDING_OTHER:
		put_line(s, l->data, l->len);
		return;
	}
}

static void
accepted_hello(struct session *s, enum pending_kind kind)
{
	envelope_clear(&s->envelope);
	if (!s->set->xclient || s->xclient_sent)
		return;
	if (kind == PENDING_HELO)
		log_debug("XCLIENT support assumed");
	else if (s->xclient_offered)
		log_debug("XCLIENT supported");
	s->xclient_due = kind == PENDING_HELO || s->xclient_offered;
}

/*
 * After XCLIENT the server is as at the beginning and awaits a greeting
 * (Postfix XCLIENT_README); the client knows nothing of it.
 */
static void
answered_xclient(struct session *s, bool accepted)
{
	if (accepted)
		commands_send_own(s, PENDING_SWALLOW, strbuf_str(&s->hello));
	else
		log_warn("server didn't accept XCLIENT");
}

/*
 * The server's transaction is what it was, and its recipients must not get the
 * next message.
 */
static void
refused_reset(struct session *s)
{
	log_error("server refused to reset");
	session_lose_server(s);
	session_end(s, REPLY_SERVER_CLOSED);
}

/* The whole reply to a command is there. */
static void
note_reply(struct session *s, const struct pending *p, int code)
{
	bool good = smtp_reply_is_positive(code);

	switch (p->kind) {
	case PENDING_EHLO:
	case PENDING_HELO:
		if (good)
			accepted_hello(s, p->kind);
		break;
	case PENDING_MAIL:
		if (good)
			envelope_add_sender(&s->envelope, p->text, p->len);
		break;
	case PENDING_RCPT:
		if (good)
			envelope_add_recipient(&s->envelope, p->text, p->len);
		else
			envelope_refuse_recipient(&s->envelope);
		break;
	case PENDING_RSET:
		if (good)
			envelope_clear(&s->envelope);
		break;
	case PENDING_XFORWARD:
		if (good)
			envelope_add_xforward(&s->envelope, p->text, p->len);
		break;
	case PENDING_AUTH:
		s->auth = code == 334;
		break;
	case PENDING_QUIT:
		if (good) {
			s->client_quit = true;
			session_end(s, NULL);
		}
		break;
	case PENDING_XCLIENT:
		answered_xclient(s, good);
		break;
	case PENDING_OWN_RSET:
		if (!good && !s->ended)
			refused_reset(s);
		break;
	case PENDING_GREETING:
	case PENDING_OTHER:
	case PENDING_SWALLOW:
	case PENDING_OWN:
		break;
	}
}

static void
end_as_nonsense(struct session *s)
{
	log_error("server sends what is no reply");
	if (s->phase == PHASE_COMMANDS)
		session_end(s, REPLY_NONSENSE);
	else /* the message is still to get its one reply */
		session_lose_server(s);
}

static void
take_unasked(
    struct session *s, const struct line *l, const struct smtp_reply_line *r)
{
	if (s->phase != PHASE_COMMANDS) {
		/* The client awaits one reply alone, which this is not. */
		log_error(
		    "server spoke out of turn: %.*s", (int)l->len, l->data);
		session_lose_server(s);
		return;
	}
	s->auth = false; /* whatever it says, it asks for nothing more */
	if (++s->unasked > UNASKED_LINES_MAX || r->code == 354)
		end_as_nonsense(s);
	else {
		put_line(s, l->data, l->len);
		s->server_bade = s->server_bade || r->code == 421;
	}
}

static void
warn_if_cut(const struct line *l)
{
	if (l->cut)
		log_warn("SMTP response line too long. discarded extra");
}

static void
take_line(struct session *s, const struct line *l)
{
	struct smtp_reply_line r = smtp_reply_parse(l->data, l->len);
	struct pending *p = pending_head(&s->pending), done;

	warn_if_cut(l);
	if (p == NULL) {
		take_unasked(s, l, &r);
		return;
	}
	/* 354 to anything but our own DATA would open a way past the scan. */
	if (++p->lines > REPLY_LINES_MAX || r.code == 354) {
		end_as_nonsense(s);
		return;
	}
	show_line(s, p, l, &r);
	if (!r.last)
		return;
	if (is_shown(p->kind) && (r.code == 421 || r.code == 221))
		s->server_bade = true;
	done = *p;
	p->text = NULL; /* is done's now, since a new command may come */
	pending_pop(&s->pending);
	s->deadline = session_timeout(s);
	note_reply(s, &done, r.code);
	free(done.text);
}

static bool
is_endless(const struct session *s)
{
	return s->server.skipped > REPLY_LINE_EXCESS_MAX;
}

/* Give the client the replies of our own that are next. */
static bool
take_own(struct session *s)
{
	struct pending *p = pending_head(&s->pending);

	if (p == NULL || p->kind != PENDING_OWN)
		return false;
	session_reply(s, p->text);
	pending_pop(&s->pending);
	return true;
}

bool
replies_take(struct session *s)
{
	struct line line;
	bool any = false;

	while (!s->ended) {
		if (take_own(s)) {
			any = true;
			continue;
		}
		if (!conn_is_open(&s->server) || !conn_line(&s->server, &line))
			break;
		take_line(s, &line);
		any = true;
	}
	if (is_endless(s))
		end_as_nonsense(s);
	if (pending_is_empty(&s->pending))
		s->barrier = false;
	return any;
}

static enum io
fill(struct session *s, struct deadline d)
{
	enum io io = conn_fill(&s->server, d);

	switch (io) {
	case IO_OK:
	case IO_CANCELLED:
		break;
	case IO_EOF:
		log_error("server disconnected unexpectedly");
		break;
	case IO_TIMEOUT:
		log_warn("SERVER: network read operation timed out");
		break;
	case IO_ERROR:
		log_error("SERVER: couldn't read data from socket: %m");
		break;
	}
	return io;
}

enum io
replies_await_all(struct session *s, struct deadline d)
{
	enum io io = IO_OK;

	for (;;) {
		(void)replies_take(s);
		if (s->server_lost || s->ended)
			return IO_ERROR;
		if (pending_is_empty(&s->pending) || io != IO_OK)
			return io;
		io = fill(s, d);
	}
}

enum io
replies_await(struct session *s, struct reply *r, struct deadline d)
{
	struct line line;
	enum io io = IO_OK;

	*r = (struct reply){0};
	for (unsigned lines = 0; lines < REPLY_LINES_MAX; lines++) {
		struct smtp_reply_line l;

		while (io == IO_OK && !is_endless(s) &&
		    !conn_line(&s->server, &line))
			io = fill(s, d);
		if (io != IO_OK)
			return io;
		if (is_endless(s))
			break;
		warn_if_cut(&line);
		l = smtp_reply_parse(line.data, line.len);
		strbuf_add(&r->text, line.data, line.len);
		strbuf_add(&r->text, "\r\n", 2);
		/* Its lines must agree (RFC 5321 4.2.1), at least in what
		 * counts: a client may go by the first, we by the last. */
		if (lines > 0 && l.code / 100 != r->code / 100)
			break;
		r->code = l.code;
		if (l.last) {
			s->server_bade = s->server_bade || l.code == 421;
			return IO_OK;
		}
	}
	log_error("server sends what is no reply");
	return IO_ERROR;
}

/* Without memory for more the client still learns what counts. */
static void
relay_code(struct session *s, int code)
{
	char line[sizeof "999" TEXT_LOST];

	snprintf(line, sizeof line, "%d" TEXT_LOST, code);
	session_reply(s, line);
}

void
replies_relay(struct session *s, const struct reply *r)
{
	const char *p = strbuf_str(&r->text), *end = p + r->text.len;

	if (r->text.failed || conn_reserve(&s->client, r->text.len) < 0) {
		relay_code(s, r->code);
		return;
	}
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf == NULL ? end : lf) - p);

		put_line(s, p, n > 0 && p[n - 1] == '\r' ? n - 1 : n);
		p += n + 1;
	}
}
