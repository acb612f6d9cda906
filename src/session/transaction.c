/*
 * The mail transaction: what the server has accepted of it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/transaction.h"

#include "src/session/client_out.h"

static bool
is_accepted(const struct upstream_line *l)
{
	return smtp_reply_is_positive(l->reply.code);
}

static void
show(struct session *s, const struct upstream_line *l)
{
	client_relay(&s->client, l->data, l->len);
}

static void
note_mail(struct session *s, const struct upstream_line *l)
{
	if (!is_accepted(l))
		return;
	envelope_add_sender(&s->envelope, l->about->text, l->about->len);
	exempt_count_sender(
	    &s->set->skip, &s->exempt, l->about->text, l->about->len);
}

static void
note_rcpt(struct session *s, const struct upstream_line *l)
{
	if (!is_accepted(l)) {
		envelope_refuse_recipient(&s->envelope);
		return;
	}
	envelope_add_recipient(&s->envelope, l->about->text, l->about->len);
	exempt_count_recipient(
	    &s->set->skip, &s->exempt, l->about->text, l->about->len);
}

static void
note_rset(struct session *s, const struct upstream_line *l)
{
	if (is_accepted(l))
		transaction_end(s);
}

static void
note_xforward(struct session *s, const struct upstream_line *l)
{
	if (is_accepted(l))
		envelope_add_xforward(
		    &s->envelope, l->about->text, l->about->len);
}

const struct exchange transaction_mail = {.name = "MAIL",
    .show = show,
    .note = note_mail};
const struct exchange transaction_rcpt = {.name = "RCPT",
    .show = show,
    .note = note_rcpt};
const struct exchange transaction_rset = {.name = "RSET",
    .show = show,
    .note = note_rset};
const struct exchange transaction_xforward = {.name = "XFORWARD",
    .show = show,
    .note = note_xforward};

bool
transaction_allows_path(struct session *s, const struct exchange *exchange,
    const struct smtp_command *c)
{
	if (envelope_is_full(&s->envelope, c->arg_len)) {
		session_answer(s, ANSWER_TOO_MANY);
		return false;
	}
	if (!esmtp_hides_parameter(c->arg, c->arg_len))
		return true;
	if (exchange == &transaction_rcpt)
		envelope_refuse_recipient(&s->envelope);
	session_answer(s, ANSWER_PARAMETER);
	return false;
}

bool
transaction_allows_xforward(const struct session *s)
{
	return !s->set->transparent_proxy;
}

enum answer
transaction_allows_data(const struct session *s)
{
	if (s->envelope.recipients > 0)
		return ANSWER_GO;
	return s->envelope.refused > 0 ? ANSWER_NO_RECIPIENTS
				       : ANSWER_NO_TRANSACTION;
}

unsigned long
transaction_replies(const struct session *s)
{
	return s->hello.protocol == HELLO_LMTP ? s->envelope.recipients : 1;
}

void
transaction_end(struct session *s)
{
	envelope_clear(&s->envelope);
	s->exempt = (struct exempt_envelope){0};
}
