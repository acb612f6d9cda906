/*
 * The greeting, EHLO and HELO, and XCLIENT behind them.
 *
 * The client must not learn the server's name, nor what we cannot honour.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/hello.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "src/session/transaction.h"
#include "src/smtp/esmtp.h"

#define OUR_NAME "smtp.passthru"

static bool
is_accepted(const struct upstream_line *l)
{
	/* Whatever 2yz it is, it accepts, and the client may use it. */
	return smtp_reply_is_positive(l->reply.code);
}

static void
say(struct session *s, const char *text)
{
	client_relay(&s->client, text, strlen(text));
}

static void
pass(struct session *s, const struct upstream_line *l)
{
	client_relay(&s->client, l->data, l->len);
}

static void
show_greeting(struct session *s, const struct upstream_line *l)
{
	if (l->reply.code != 220)
		pass(s, l);
	else if (l->reply.last) {
		log_debug("intercepting initial response");
		client_say(&s->client, ANSWER_GREETING);
	}
}

static void
show_host_name(struct session *s, const struct upstream_line *l)
{
	if (l->len <= 3) { /* "250" names no host */
		pass(s, l);
		return;
	}
	log_debug("intercepting host response");
	say(s, l->reply.last ? "250 " OUR_NAME : "250-" OUR_NAME);
}

static bool
is_hidden(const struct session *s, enum esmtp_keyword keyword)
{
	switch (keyword) {
	case ESMTP_PASSED:
	case ESMTP_PIPELINING:
	case ESMTP_SIZE:
	case ESMTP_CODES:
		return false;
	case ESMTP_XFORWARD:
		return !transaction_allows_xforward(s);
	case ESMTP_FILTERED:
	case ESMTP_XCLIENT:
		break;
	}
	return true;
}

static void
show_keyword(struct session *s, const struct upstream_line *l)
{
	const struct smtp_reply_line *r = &l->reply;
	enum esmtp_keyword keyword = esmtp_judge(r->text, r->text_len);

	upstream_offers(&s->upstream, keyword, r);
	if (!is_hidden(s, keyword)) {
		pass(s, l);
		return;
	}
	log_debug("filtered ESMTP feature: %.*s", (int)r->text_len, r->text);
	if (r->last)
		say(s, "250 " ESMTP_PLACEHOLDER);
}

static void
show_helo(struct session *s, const struct upstream_line *l)
{
	if (is_accepted(l) && l->number == 1)
		show_host_name(s, l);
	else
		pass(s, l);
}

static void
show_ehlo(struct session *s, const struct upstream_line *l)
{
	if (is_accepted(l) && l->number > 1)
		show_keyword(s, l);
	else
		show_helo(s, l);
}

/* The server takes XCLIENT, if we want to send it. */
static void
plan_xclient(struct session *s, const char *how)
{
	if (!s->set->xclient || s->hello.xclient == HELLO_XCLIENT_SENT)
		return;
	log_debug("XCLIENT %s", how);
	s->hello.xclient = HELLO_XCLIENT_DUE;
}

static void
note_ehlo(struct session *s, const struct upstream_line *l)
{
	if (!is_accepted(l))
		return;
	transaction_end(s);
	if (s->upstream.xclient)
		plan_xclient(s, "supported");
	else if (s->hello.xclient == HELLO_XCLIENT_DUE)
		s->hello.xclient = HELLO_XCLIENT_NONE;
}

static void
note_helo(struct session *s, const struct upstream_line *l)
{
	if (!is_accepted(l))
		return;
	transaction_end(s);
	plan_xclient(s, "support assumed");
}

/*
 * After XCLIENT the server is as at the beginning and awaits a greeting
 * (Postfix XCLIENT_README); the client knows nothing of it.
 */
static void
note_xclient(struct session *s, const struct upstream_line *l)
{
	if (is_accepted(l))
		upstream_ask_own(&s->upstream, &upstream_unheard,
		    strbuf_str(&s->hello.line));
	else
		log_warn("server didn't accept XCLIENT");
}

const struct exchange hello_greeting = {.name = "greeting",
    .show = show_greeting,
    .is_last = true};
const struct exchange hello_ehlo = {.name = "EHLO",
    .show = show_ehlo,
    .note = note_ehlo};
const struct exchange hello_helo = {.name = "HELO",
    .show = show_helo,
    .note = note_helo};
static const struct exchange own_xclient = {.name = "own XCLIENT",
    .note = note_xclient};

void
hello_ask(struct session *s, const struct exchange *exchange,
    const struct smtp_command *c)
{
	strbuf_clear(&s->hello.line);
	strbuf_add(&s->hello.line, c->line, c->len);
	upstream_forget_offers(&s->upstream);
	session_ask(s, exchange, c, true);
}

bool
hello_introduce(struct session *s)
{
	char line[sizeof "XCLIENT ADDR=" + ADDR_TEXT_MAX];
	size_t len;

	(void)conn_peek(&s->client.conn, &len);
	if (s->hello.xclient != HELLO_XCLIENT_DUE || len == 0)
		return false;
	s->hello.xclient = HELLO_XCLIENT_SENT;
	/* A local socket has no address that could be told. */
	if (s->client.addr.u.sa.sa_family == AF_INET) {
		log_debug("sending XCLIENT");
		snprintf(line, sizeof line, "XCLIENT ADDR=%s", s->client.ip);
		upstream_ask_own(&s->upstream, &own_xclient, line);
	}
	return true;
}

void
hello_close(struct hello *h)
{
	strbuf_free(&h->line);
}
