/*
 * The verbs that we know.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/verbs.h"

#include "common/log.h"
#include "common/strutil.h"
#include "src/session/client_out.h"
#include "src/session/hello.h"
#include "src/session/introduction.h"
#include "src/session/transaction.h"

static void
show(struct session *s, const struct upstream_line *l)
{
	client_relay(&s->client, l->data, l->len);
}

static bool
is_cut_challenge(const struct upstream_line *l)
{
	return l->reply.code == 334 && l->cut;
}

static void
show_auth(struct session *s, const struct upstream_line *l)
{
	if (!is_cut_challenge(l))
		show(s, l);
}

static void
note_auth(struct session *s, const struct upstream_line *l)
{
	client_expect_auth(&s->client, l->reply.code == 334);
	/* It lasts for the session; RFC 4954 4. */
	if (l->reply.code == 235)
		introduction_note_auth(&s->introduction);
	if (!is_cut_challenge(l))
		return;
	session_answer(s, ANSWER_TOO_LONG);
	session_cancel_auth(s);
}

static void
note_quit(struct session *s, const struct upstream_line *l)
{
	if (smtp_reply_is_positive(l->reply.code))
		client_leave(&s->client, CLIENT_QUIT);
}

static const struct exchange auth = {.name = "AUTH",
    .show = show_auth,
    .note = note_auth,
    .is_last = true};
static const struct exchange quit = {.name = "QUIT",
    .show = show,
    .note = note_quit,
    .is_last = true};
static const struct exchange other = {.name = "other", .show = show};

static void
ask(struct session *s, const struct verb *v, const struct smtp_command *c)
{
	session_ask(s, v->exchange, c, v->place != VERB_ANYWHERE);
}

static void
ask_hello(struct session *s, const struct verb *v, const struct smtp_command *c)
{
	hello_ask(s, v->exchange, c);
}

static void
ask_path(struct session *s, const struct verb *v, const struct smtp_command *c)
{
	if (transaction_allows_path(s, v->exchange, c))
		ask(s, v, c);
}

static void
refuse(struct session *s, const struct verb *v, const struct smtp_command *c)
{
	(void)c;
	log_debug("ESMTP feature not supported");
	session_answer(s, v->answer);
}

static void
ask_xforward(
    struct session *s, const struct verb *v, const struct smtp_command *c)
{
	if (transaction_allows_xforward(s))
		ask(s, v, c);
	else
		session_answer(s, ANSWER_NOT_IMPLEMENTED);
}

static void
refuse_xclient(
    struct session *s, const struct verb *v, const struct smtp_command *c)
{
	(void)c;
	log_rarely(
	    LOG_WARNING, "client attempted use of privileged XCLIENT feature");
	session_answer(s, v->answer);
}

static void
refuse_proxy(
    struct session *s, const struct verb *v, const struct smtp_command *c)
{
	(void)c;
	log_rarely(LOG_WARNING,
	    "client %s sent a line of the PROXY protocol, and belongs to no "
	    "network of ProxyProtocol",
	    client_name(&s->client));
	session_answer(s, v->answer);
}

/* The chunk comes at once behind the command and must not be read as more. */
static void
refuse_bdat(
    struct session *s, const struct verb *v, const struct smtp_command *c)
{
	unsigned long long octets = 0;
	bool has_size = c->arg_len == 0 ||
	    smtp_command_bdat_size(c->arg, c->arg_len, &octets) == 0;

	if (has_size) {
		client_begin_skip(&s->client, octets);
		client_begin_wait(&s->client,
		    smtp_command_behind(
			SMTP_BEHIND_ANYTHING, s->upstream.pipelines));
	}
	refuse(s, v, c);
	if (!has_size)
		client_leave(&s->client, CLIENT_BAD_CHUNK);
}

#define REFUSED(name)                                                          \
	{                                                                      \
		name, refuse, NULL, ANSWER_NOT_IMPLEMENTED, VERB_ALONE,        \
		    SMTP_BEHIND_ANYTHING                                       \
	}

static const struct verb verbs[] = {
    {"EHLO", ask_hello, &hello_ehlo, ANSWER_NONE, VERB_ALONE, SMTP_BEHIND_QUIT},
    {"HELO", ask_hello, &hello_helo, ANSWER_NONE, VERB_ALONE, SMTP_BEHIND_QUIT},
    {"LHLO", ask_hello, &hello_lhlo, ANSWER_NONE, VERB_ALONE, SMTP_BEHIND_QUIT},
    {"MAIL", ask_path, &transaction_mail, ANSWER_NONE, VERB_ANYWHERE,
	SMTP_BEHIND_ANYTHING},
    {"RCPT", ask_path, &transaction_rcpt, ANSWER_NONE, VERB_ANYWHERE,
	SMTP_BEHIND_ANYTHING},
    {"DATA", NULL, NULL, ANSWER_NONE, VERB_ALONE, SMTP_BEHIND_NOTHING},
    {"RSET", ask, &transaction_rset, ANSWER_NONE, VERB_ANYWHERE,
	SMTP_BEHIND_ANYTHING},
    {"QUIT", ask, &quit, ANSWER_NONE, VERB_LAST, SMTP_BEHIND_ANYTHING},
    {"AUTH", ask, &auth, ANSWER_NONE, VERB_ALONE, SMTP_BEHIND_NOTHING},
    {"XFORWARD", ask_xforward, &transaction_xforward, ANSWER_NONE, VERB_ALONE,
	SMTP_BEHIND_ANYTHING},
    /* Ours to send. */
    {"XCLIENT", refuse_xclient, NULL, ANSWER_XCLIENT, VERB_ALONE,
	SMTP_BEHIND_ANYTHING},
    /* Content that does not come by DATA. */
    {"BDAT", refuse_bdat, NULL, ANSWER_NOT_IMPLEMENTED, VERB_ALONE,
	SMTP_BEHIND_CHUNK},
    /* These would hide the mail from us. */
    REFUSED("STARTTLS"),
    REFUSED("X-ANONYMOUSTLS"),
    /* Binary data follows. */
    REFUSED("XEXCH50"),
    /* RFC 4468: the server fetches content by itself. */
    REFUSED("BURL"),
    /* RFC 821, RFC 2645: it sends mail over this connection. */
    REFUSED("TURN"),
    REFUSED("ATRN"),
    /* The PROXY protocol: from who may speak it, it is no command. */
    {"PROXY", refuse_proxy, NULL, ANSWER_NOT_IMPLEMENTED, VERB_ALONE,
	SMTP_BEHIND_ANYTHING},
    /* It adds lines that are no replies. */
    REFUSED("VERB"),
    /* All else is the server's business. */
    {"", ask, &other, ANSWER_NONE, VERB_ALONE, SMTP_BEHIND_ANYTHING},
};

#define VERBS_COUNT (sizeof verbs / sizeof verbs[0])

const struct verb *
verbs_find(const char *name, size_t len)
{
	const struct verb *v = verbs;

	while (v < &verbs[VERBS_COUNT - 1] && !str_equals(name, len, v->name))
		v++;
	return v;
}

bool
verbs_is_other(const struct verb *v)
{
	return v->name[0] == '\0';
}

const struct verb *
verbs_auth(void)
{
	return verbs_find("AUTH", 4);
}

const struct verb *
verbs_at(size_t i)
{
	return i < VERBS_COUNT ? &verbs[i] : NULL;
}
