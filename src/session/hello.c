/*
 * The greeting, EHLO, HELO and LHLO, and XCLIENT behind them.
 *
 * The client must not learn the server's name, nor what we cannot honour.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/hello.h"

#include <string.h>

#include "common/log.h"
#include "src/session/client_out.h"
#include "src/session/transaction.h"
#include "src/smtp/esmtp.h"
#include "src/smtp/xclient.h"

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

bool
hello_gives_way(const struct session *s, const struct upstream_line *l)
{
	if (s->hello.greeted || !target_has_more(&s->target, s->set))
		return false;
	if (l->reply.last)
		log_warn("server %s turns us away, another one is tried: %.*s",
		    s->target.name, (int)l->len, l->data);
	return true;
}

static void
show_greeting(struct session *s, const struct upstream_line *l)
{
	if (l->reply.code == 220 && !l->reply.last)
		return;
	s->hello.greeted = true;
	if (l->reply.code != 220)
		pass(s, l);
	else {
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
	if (keyword == ESMTP_XCLIENT)
		s->hello.offered |= xclient_offered(r->text, r->text_len);
	if (keyword == ESMTP_CODES)
		client_use_codes(&s->client, true);
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
static bool
plan_xclient(struct session *s, const char *how)
{
	if (!s->set->xclient || s->hello.xclient == HELLO_XCLIENT_SENT)
		return false;
	log_debug("XCLIENT %s", how);
	s->hello.xclient = HELLO_XCLIENT_DUE;
	return true;
}

/*
 * A name in its greeting must not let the client pass for us: what is refused
 * with it is told without it.
 */
static void
plan_what_is_offered(struct hello *h)
{
	h->due = h->offered;
	h->later = 0;
	h->instead = h->offered & (XCLIENT_NAME | XCLIENT_ADDR);
	if (h->instead == h->due)
		h->instead = 0;
}

/* Of what was not offered a server may know one and refuse the other. */
static void
plan_what_is_assumed(struct hello *h)
{
	h->due = XCLIENT_ADDR;
	h->later = XCLIENT_NAME;
	h->instead = 0;
}

/* The reply to EHLO or LHLO has been accepted. */
static void
begin(struct session *s, enum hello_protocol protocol)
{
	s->hello.protocol = protocol;
	transaction_end(s);
	if (s->hello.offered == 0) {
		if (s->hello.xclient == HELLO_XCLIENT_DUE)
			s->hello.xclient = HELLO_XCLIENT_NONE;
	} else if (plan_xclient(s, "supported"))
		plan_what_is_offered(&s->hello);
}

static void
note_ehlo(struct session *s, const struct upstream_line *l)
{
	if (is_accepted(l))
		begin(s, HELLO_SMTP);
}

static void
note_lhlo(struct session *s, const struct upstream_line *l)
{
	if (is_accepted(l))
		begin(s, HELLO_LMTP);
}

static void
note_helo(struct session *s, const struct upstream_line *l)
{
	if (!is_accepted(l))
		return;
	s->hello.protocol = HELLO_SMTP;
	transaction_end(s);
	if (plan_xclient(s, "support assumed"))
		plan_what_is_assumed(&s->hello);
}

static void note_xclient(struct session *s, const struct upstream_line *l);

static const struct exchange own_xclient = {.name = "own XCLIENT",
    .note = note_xclient};

/* Returns whether there is more to tell, which then is on its way. */
static bool
tell(struct session *s)
{
	struct hello *h = &s->hello;
	struct addr destination = s->upstream.addr;
	const struct xclient_facts facts = {
	    .client = &s->client.origin.client,
	    .destination = &destination,
	    .hello = strbuf_str(&h->line),
	    .hello_len = h->line.len,
	};
	struct strbuf line = {0};
	bool more;

	if (!s->set->transparent_proxy)
		client_destination(&s->client, &destination);
	more = xclient_next(&h->due, &facts, &line);
	if (more)
		upstream_ask_own(&s->upstream, &own_xclient, strbuf_str(&line));
	/* A server that trusts us must not take the client for us. */
	if (line.failed)
		upstream_lose(&s->upstream, UPSTREAM_NO_MEMORY);
	strbuf_free(&line);
	return more;
}

/*
 * After XCLIENT the server is as at the beginning and awaits a greeting
 * (Postfix XCLIENT_README); the client knows nothing of it.
 */
static void
note_xclient(struct session *s, const struct upstream_line *l)
{
	struct hello *h = &s->hello;

	if (!is_accepted(l)) {
		log_warn("server didn't accept XCLIENT");
		h->due = h->told ? 0 : h->instead;
		h->later = 0;
	} else if (h->due == 0) {
		h->due = h->later;
		h->later = 0;
	}
	h->instead = 0;
	if (is_accepted(l)) {
		h->told = true;
		h->authenticated = false;
	}
	if (!tell(s) && h->told)
		upstream_ask_own(
		    &s->upstream, &upstream_unheard, strbuf_str(&h->line));
}

const struct exchange hello_greeting = {.name = "greeting",
    .show = show_greeting,
    .is_last = true};
const struct exchange hello_ehlo = {.name = "EHLO",
    .show = show_ehlo,
    .note = note_ehlo};
const struct exchange hello_lhlo = {.name = "LHLO",
    .show = show_ehlo,
    .note = note_lhlo};
const struct exchange hello_helo = {.name = "HELO",
    .show = show_helo,
    .note = note_helo};

/* May it be said where the session has become SMTP, or LMTP (RFC 2033)? */
static bool
does_mix(const struct hello *h, const struct exchange *exchange)
{
	switch (h->protocol) {
	case HELLO_NONE:
		break;
	case HELLO_SMTP:
		return exchange == &hello_lhlo;
	case HELLO_LMTP:
		return exchange != &hello_lhlo;
	}
	return false;
}

void
hello_ask(struct session *s, const struct exchange *exchange,
    const struct smtp_command *c)
{
	if (does_mix(&s->hello, exchange)) {
		session_answer(s, ANSWER_MIXED);
		return;
	}
	strbuf_clear(&s->hello.line);
	strbuf_add(&s->hello.line, c->line, c->len);
	upstream_forget_offers(&s->upstream);
	s->hello.offered = 0;
	client_use_codes(&s->client, false);
	session_ask(s, exchange, c, true);
}

bool
hello_introduce(struct session *s)
{
	size_t len;

	(void)conn_peek(&s->client.conn, &len);
	if (s->hello.xclient != HELLO_XCLIENT_DUE || len == 0)
		return false;
	s->hello.xclient = HELLO_XCLIENT_SENT;
	/* Of a local socket there is nothing that could be told. */
	if (addr_is_inet(&s->client.origin.client)) {
		log_debug("sending XCLIENT");
		(void)tell(s);
	}
	return true;
}

void
hello_note_auth(struct hello *h)
{
	h->authenticated = true;
}

void
hello_close(struct hello *h)
{
	strbuf_free(&h->line);
}
