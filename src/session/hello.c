/*
 * The greeting, EHLO, HELO and LHLO.
 *
 * The client must not learn the server's name, nor what we cannot honour.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/hello.h"

#include <string.h>

#include "common/log.h"
#include "src/session/client_out.h"
#include "src/session/introduction.h"
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
		introduction_offer(&s->introduction, r->text, r->text_len);
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

/* The reply to EHLO or LHLO has been accepted. */
static void
begin(struct session *s, enum hello_protocol protocol)
{
	s->hello.protocol = protocol;
	transaction_end(s);
	introduction_plan(s);
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
	introduction_assume(s);
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
	introduction_forget_offer(&s->introduction);
	client_use_codes(&s->client, false);
	session_ask(s, exchange, c, true);
}

void
hello_close(struct hello *h)
{
	strbuf_free(&h->line);
}
