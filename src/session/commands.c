/*
 * From the client to the server: commands.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/commands.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "src/session/message.h"
#include "src/smtp/smtp_command.h"

#define REPLY_NOT_IMPLEMENTED "502 Command not implemented"
#define REPLY_NO_SIZE "421 4.5.0 BDAT without a valid size, closing connection"
#define REPLY_TOO_LONG "500 Line too long"
#define REPLY_STRAY "500 5.5.2 Command with NUL or stray CR"
#define REPLY_XCLIENT "554 Insufficient authorization"
#define REPLY_NO_TRANSACTION "503 5.5.1 Need MAIL and RCPT before DATA"
#define REPLY_NO_RECIPIENTS "554 5.5.1 No valid recipients"
#define REPLY_TOO_MANY "452 4.5.3 Too many recipients"

static void
push(struct session *s, enum pending_kind kind, const char *text, size_t len)
{
	if (pending_push(&s->pending, kind, text, len) == 0)
		return;
	log_error("out of memory");
	session_lose_server(s); /* its replies cannot be told apart any more */
	if (s->phase == PHASE_COMMANDS)
		session_end(s, REPLY_LOCAL_ERROR);
}

/* Answer by ourselves, in order. */
static void
answer(struct session *s, const char *reply)
{
	if (pending_is_empty(&s->pending))
		session_reply(s, reply);
	else
		push(s, PENDING_OWN, reply, strlen(reply));
}

void
commands_send_own(struct session *s, enum pending_kind kind, const char *line)
{
	conn_put_line(&s->server, line, strlen(line));
	push(s, kind, "", 0);
	s->barrier = true;
}

/* Send the line to the server; what is kept of it is its argument. */
static void
forward(struct session *s, enum pending_kind kind, const struct line *line,
    const struct smtp_command *c)
{
	conn_put_line(&s->server, line->data, line->len);
	push(s, kind, c->arg, c->arg_len);
	s->barrier =
	    !s->server_pipelines || !smtp_command_may_be_followed(c->verb);
}

static void
do_hello(struct session *s, enum pending_kind kind, const struct line *line,
    const struct smtp_command *c)
{
	strbuf_clear(&s->hello);
	strbuf_add(&s->hello, line->data, line->len);
	s->server_pipelines = false;
	s->xclient_offered = false;
	forward(s, kind, line, c);
}

/* MAIL or RCPT, of which the address is kept when it is accepted. */
static void
do_path(struct session *s, enum pending_kind kind, const struct line *line,
    const struct smtp_command *c)
{
	if (envelope_is_full(&s->envelope, c->arg_len))
		answer(s, REPLY_TOO_MANY);
	else
		forward(s, kind, line, c);
}

static void
do_data(struct session *s)
{
	const struct envelope *e = &s->envelope;

	if (e->recipients > 0)
		message_handle(s);
	else
		session_reply(s,
		    e->refused > 0 ? REPLY_NO_RECIPIENTS
				   : REPLY_NO_TRANSACTION);
}

static void
refuse_feature(struct session *s)
{
	log_debug("ESMTP feature not supported");
	answer(s, REPLY_NOT_IMPLEMENTED);
}

/* The chunk comes at once behind the command and must not be read as more. */
static void
do_bdat(struct session *s, const struct smtp_command *c)
{
	refuse_feature(s);
	if (c->arg_len > 0 &&
	    smtp_command_bdat_size(c->arg, c->arg_len, &s->skip) < 0)
		session_end(s, REPLY_NO_SIZE);
}

static void
do_xclient(struct session *s)
{
	log_warn("client attempted use of privileged XCLIENT feature");
	answer(s, REPLY_XCLIENT);
}

static void
dispatch(
    struct session *s, const struct line *line, const struct smtp_command *c)
{
	switch (c->verb) {
	case SMTP_EHLO:
		do_hello(s, PENDING_EHLO, line, c);
		return;
	case SMTP_HELO:
		do_hello(s, PENDING_HELO, line, c);
		return;
	case SMTP_MAIL:
		do_path(s, PENDING_MAIL, line, c);
		return;
	case SMTP_RCPT:
		do_path(s, PENDING_RCPT, line, c);
		return;
	case SMTP_DATA:
		do_data(s);
		return;
	case SMTP_RSET:
		forward(s, PENDING_RSET, line, c);
		return;
	case SMTP_QUIT:
		forward(s, PENDING_QUIT, line, c);
		return;
	case SMTP_AUTH:
		forward(s, PENDING_AUTH, line, c);
		return;
	case SMTP_XFORWARD:
		forward(s, PENDING_XFORWARD, line, c);
		return;
	case SMTP_XCLIENT:
		do_xclient(s);
		return;
	case SMTP_BDAT:
		do_bdat(s, c);
		return;
	case SMTP_REFUSED:
		refuse_feature(s);
		return;
	case SMTP_OTHER:
		forward(s, PENDING_OTHER, line, c);
		return;
	}
}

static void
handle_line(struct session *s, const struct line *line)
{
	struct smtp_command c;

	s->deadline = session_timeout(s);
	s->unasked = 0;
	if (line->cut) {
		answer(s, REPLY_TOO_LONG);
		return;
	}
	if (smtp_command_has_stray(line->data, line->len)) {
		answer(s, REPLY_STRAY);
		return;
	}
	c = smtp_command_parse(line->data, line->len);
	if (s->auth) { /* no command, but what the server has asked for */
		c.verb = SMTP_AUTH;
		s->auth = false;
	}
	dispatch(s, line, &c);
}

/* Just before the client's next command, as 1.10. */
static bool
is_time_for_xclient(const struct session *s)
{
	size_t len;

	(void)conn_peek(&s->client, &len);
	return s->xclient_due && len > 0;
}

static void
send_xclient(struct session *s)
{
	char line[sizeof "XCLIENT ADDR=" + ADDR_TEXT_MAX];

	s->xclient_due = false;
	s->xclient_sent = true;
	/* A local socket has no address that could be told. */
	if (s->peer.u.sa.sa_family != AF_INET)
		return;
	log_debug("sending XCLIENT");
	snprintf(line, sizeof line, "XCLIENT ADDR=%s", s->peer_ip);
	commands_send_own(s, PENDING_XCLIENT, line);
}

/* Throw away what follows a BDAT command. */
static void
skip_chunk(struct session *s)
{
	size_t len;

	(void)conn_peek(&s->client, &len);
	if (len > s->skip)
		len = (size_t)s->skip;
	if (len > 0) {
		conn_consume(&s->client, len);
		s->skip -= len;
		deadline_extend(
		    &s->deadline, len, CONN_RATE_MIN, s->set->timeout_s * 1000);
	}
}

/* Must the command that comes next wait for replies that are due? */
static bool
must_wait(struct session *s)
{
	size_t len;
	const char *next = conn_peek(&s->client, &len);
	enum smtp_verb verb;

	if (pending_is_empty(&s->pending))
		return false;
	if (s->barrier || pending_is_full(&s->pending))
		return true;
	/* Only these may share a group with what is still unanswered, and QUIT,
	 * which ends one; DATA in particular waits for the recipients'
	 * replies (RFC 2920 3.1). */
	verb = smtp_command_parse(next, len).verb;
	return !smtp_command_may_be_followed(verb) && verb != SMTP_QUIT;
}

bool
commands_take(struct session *s)
{
	struct line line;
	bool any = false;

	while (!s->ended && !must_wait(s)) {
		if (s->skip > 0) {
			skip_chunk(s);
			if (s->skip > 0)
				break;
		}
		if (is_time_for_xclient(s)) {
			send_xclient(s);
			continue;
		}
		if (!conn_line(&s->client, &line))
			break;
		handle_line(s, &line);
		any = true;
	}
	return any;
}
