/*
 * A message's line in the log, and its counts.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/report.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "src/mail/counters.h"
#include "src/smtp/queue_id.h"

/* The name behind the verb of the client's EHLO or HELO. */
static const char *
helo_name(const struct session *s)
{
	const char *line = strbuf_str(&s->hello.line);
	const char *name = line + strcspn(line, " \t");

	return name + strspn(name, " \t");
}

/* The address and the name are those of one host. */
static void
add_client(struct summary_facts *f, const struct session *s,
    const struct addr *client, char text[ADDR_TEXT_MAX])
{
	f->client = addr_host(client, text);
	f->helo = helo_name(s);
	if (strcmp(f->client, s->client.ip) != 0)
		f->helo = strbuf_str(&s->envelope.remote_helo);
	f->ident = strbuf_str(&s->envelope.remote_ident);
}

/* With its port; a path has none. */
static const char *
upstream_address(const struct upstream *u, char *text, size_t size)
{
	in_port_t port = addr_port(&u->addr);
	bool brackets = strchr(u->ip, ':') != NULL;

	if (port == 0)
		return u->ip;
	snprintf(text, size, "%s%s%s:%u", brackets ? "[" : "", u->ip,
	    brackets ? "]" : "", (unsigned)port);
	return text;
}

static void
add_queue_id(struct report *r)
{
	const struct strbuf *line = &r->forward.acceptance;

	(void)queue_id_find(strbuf_str(line), line->len, &r->facts.queue_id,
	    &r->facts.queue_id_len);
}

void
report_recipients(struct report *r, unsigned long recipients)
{
	r->facts.refused = recipients - r->forward.accepted;
	r->facts.recipients = recipients;
}

static void
log_line(
    struct report *r, const struct session *s, const struct content *content)
{
	char address[ADDR_TEXT_MAX + sizeof "[]:65535"];
	char client_text[ADDR_TEXT_MAX];
	const struct addr client = session_true_client(s);
	struct summary_facts *f = &r->facts;

	add_client(f, s, &client, client_text);
	f->message_id = content->places.id;
	f->message_id_len = content->places.id_len;
	f->upstream = upstream_address(&s->upstream, address, sizeof address);
	add_queue_id(r);
	summary_log(&r->summary, f, &s->envelope);
}

void
report_write(
    struct report *r, const struct session *s, const struct content *content)
{
	struct summary_facts *f = &r->facts;

	f->size = content_received(content);
	if (log_wants(LOG_INFO))
		log_line(r, s, content);
	counters_add_message(summary_outcome(&r->summary, f), f->size);
}

void
report_free(struct report *r)
{
	summary_free(&r->summary);
	strbuf_free(&r->forward.reply);
	strbuf_free(&r->forward.acceptance);
}
