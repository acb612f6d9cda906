/*
 * Who the client is, as the server is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/introduction.h"

#include "common/log.h"
#include "src/smtp/xclient.h"

void
introduction_offer(struct introduction *i, const char *text, size_t len)
{
	i->offered |= xclient_offered(text, len);
}

void
introduction_forget_offer(struct introduction *i)
{
	i->offered = 0;
}

/* The server takes XCLIENT, if we want to send it. */
static bool
begin_plan(struct session *s, const char *how)
{
	if (!s->set->xclient || s->introduction.state == INTRODUCTION_MADE)
		return false;
	log_debug("XCLIENT %s", how);
	s->introduction.state = INTRODUCTION_DUE;
	return true;
}

/*
 * A name in its greeting must not let the client pass for us: what is refused
 * with it is told without it.
 */
void
introduction_plan(struct session *s)
{
	struct introduction *i = &s->introduction;

	if (i->offered == 0) {
		if (i->state == INTRODUCTION_DUE)
			i->state = INTRODUCTION_NONE;
		return;
	}
	if (!begin_plan(s, "supported"))
		return;
	i->due = i->offered;
	i->later = 0;
	i->instead = i->offered & (XCLIENT_NAME | XCLIENT_ADDR);
	if (i->instead == i->due)
		i->instead = 0;
}

/* Of what was not offered a server may know one and refuse the other. */
void
introduction_assume(struct session *s)
{
	struct introduction *i = &s->introduction;

	if (!begin_plan(s, "support assumed"))
		return;
	i->due = XCLIENT_ADDR;
	i->later = XCLIENT_NAME;
	i->instead = 0;
}

static void note_xclient(struct session *s, const struct upstream_line *l);

static const struct exchange own_xclient = {.name = "own XCLIENT",
    .note = note_xclient};

/* Returns whether there is more to tell, which then is on its way. */
static bool
tell(struct session *s)
{
	struct addr destination = s->upstream.addr;
	const struct xclient_facts facts = {
	    .client = &s->client.origin.client,
	    .destination = &destination,
	    .hello = strbuf_str(&s->hello.line),
	    .hello_len = s->hello.line.len,
	};
	struct strbuf line = {0};
	bool more;

	if (!s->set->transparent_proxy)
		client_destination(&s->client, &destination);
	more = xclient_next(&s->introduction.due, &facts, &line);
	if (more)
		upstream_ask_own(&s->upstream, &own_xclient, strbuf_str(&line));
	/* A server that trusts us must not take the client for us. */
	if (line.failed)
		upstream_lose(&s->upstream, UPSTREAM_NO_MEMORY);
	strbuf_free(&line);
	return more;
}

/*
 * After XCLIENT the server is as at the beginning and awaits a greeting; the
 * client knows nothing of it.
 */
static void
note_xclient(struct session *s, const struct upstream_line *l)
{
	struct introduction *i = &s->introduction;
	const bool accepted = smtp_reply_is_positive(l->reply.code);

	if (!accepted) {
		log_warn("server didn't accept XCLIENT");
		i->due = i->told ? 0 : i->instead;
		i->later = 0;
	} else if (i->due == 0) {
		i->due = i->later;
		i->later = 0;
	}
	i->told = i->told || accepted;
	i->authenticated = i->authenticated && !accepted;
	i->instead = 0;
	if (!tell(s) && i->told)
		upstream_ask_own(&s->upstream, &upstream_unheard,
		    strbuf_str(&s->hello.line));
}

bool
introduction_make(struct session *s)
{
	struct introduction *i = &s->introduction;
	size_t len;

	(void)conn_peek(&s->client.conn, &len);
	if (i->state != INTRODUCTION_DUE || len == 0)
		return false;
	i->state = INTRODUCTION_MADE;
	/* Of a local socket there is nothing that could be told. */
	if (addr_is_inet(&s->client.origin.client)) {
		log_debug("sending XCLIENT");
		(void)tell(s);
	}
	return true;
}

void
introduction_note_auth(struct introduction *i)
{
	i->authenticated = true;
}
