/*
 * The data phase.
 *
 * Each step is one function: receive, scan, choose, act, report.  A failure in
 * receiving does not stop the reading: what is left of the content must never
 * be taken for commands.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/message.h"

#include <string.h>

#include "common/conn_out.h"
#include "common/log.h"
#include "src/scan/action.h"
#include "src/scan/clamd.h"
#include "src/session/forward.h"
#include "src/mail/content.h"
#include "src/mail/hook.h"
#include "src/mail/summary.h"
#include "src/session/transaction.h"

#define READS_IN_A_ROW 16 /* of content, without a look at the rest */

struct message {
	struct session *s;
	struct message_end end;
	struct content content;
	struct scan_result result;
	struct summary summary;
	struct strbuf quarantined; /* the copy's path */
};

static void
take_content(struct message *m)
{
	struct conn *client = &m->s->client.conn;
	size_t len;
	const char *in = conn_peek(client, &len);

	conn_consume(client, content_take(&m->content, in, len));
}

/* Read until the end of mail data.  Returns IO_OK, or why there is none. */
static enum io
read_content(struct message *m)
{
	const int timeout_ms = m->s->set->timeout_ms;
	struct conn *client = &m->s->client.conn;
	struct deadline d = deadline_in(timeout_ms);
	size_t before, after;
	enum io io = IO_OK;

	take_content(m);
	for (unsigned n = 1; !content_is_complete(&m->content) && io == IO_OK;
	     n++) {
		(void)conn_peek(client, &before);
		/* What never makes us wait must not hide all else. */
		io = n % READS_IN_A_ROW == 0 ? conn_fill(client, d)
					     : conn_fill_bulk(client, d);
		(void)conn_peek(client, &after);
		deadline_extend(&d, after - before, CONN_RATE_MIN, timeout_ms);
		take_content(m);
	}
	return io;
}

static bool
is_lost(const struct upstream *u)
{
	return u->lost != UPSTREAM_THERE;
}

/* The session ends with this; the first word counts. */
static void
end(struct message *m, enum answer last_word)
{
	if (!m->end.over)
		m->end = (struct message_end){true, last_word};
}

static void
end_unreceived(struct message *m, enum io io)
{
	struct session *s = m->s;

	switch (io) {
	case IO_OK:
		return;
	case IO_TIMEOUT:
		log_warn("CLIENT: network read operation timed out");
		end(m, ANSWER_TIMED_OUT);
		return;
	case IO_CANCELLED:
		end(m, ANSWER_STOPPING);
		return;
	case IO_EOF:
	case IO_ERROR:
		log_error("unexpected end of data from client");
		/* Nobody waits for the reply; as 1.10. */
		if (io == IO_EOF)
			session_reset_upstream(s);
		if (upstream_flush(&s->upstream) != IO_OK)
			upstream_lose(&s->upstream, UPSTREAM_CLOSED);
		end(m, io == IO_EOF ? ANSWER_LOCAL_ERROR : ANSWER_NONE);
		return;
	}
}

/* Step 1: client to spool.  But for IO_OK the session has ended. */
static enum io
receive(struct message *m)
{
	struct session *s = m->s;
	enum io io;

	watch_enter(&s->watch, WATCH_RECEIVE);
	client_say(&s->client, ANSWER_GO);
	client_was_answered(&s->client);
	io = conn_flush(&s->client.conn);
	content_open(&m->content, s->set->spool_directory,
	    clamd_first_line(&s->set->scan));
	conn_set_input_size(&s->client.conn, CONN_INPUT_MAX);
	if (io == IO_OK)
		io = read_content(m);
	watch_begin_budget(&s->watch, FORWARD_BUDGET_MS);
	if (io == IO_OK)
		content_finish(&m->content);
	end_unreceived(m, io);
	return io;
}

/* Step 2: the spool to clamd. */
static void
scan(struct message *m)
{
	struct session *s = m->s;

	watch_enter(&s->watch, WATCH_SCAN);
	clamd_scan(&s->set->scan, &m->content, &s->watch.waiter, &m->result);
	switch (m->result.verdict) {
	case SCAN_CLEAN:
		summary_note(&m->summary, SUMMARY_CLEAN, NULL);
		break;
	case SCAN_INFECTED:
		summary_note(&m->summary, SUMMARY_VIRUS,
		    m->result.named ? strbuf_str(&m->result.name) : NULL);
		break;
	case SCAN_OVERSIZE:
		summary_note(&m->summary, SUMMARY_OVERSIZE, NULL);
		break;
	case SCAN_FAILED:
		if (m->result.answered && !m->result.cancelled)
			summary_note(&m->summary, SUMMARY_CLAMAV_ERROR, NULL);
		break;
	}
}

/* Returns 0, or -1 after the failure was logged. */
static int
quarantine(struct message *m)
{
	if (content_quarantine(&m->content, &m->quarantined) == 0) {
		log_info("quarantined virus file as: %s",
		    strbuf_str(&m->quarantined));
		return 0;
	}
	log_error("couldn't quarantine virus file: %m");
	strbuf_free(&m->quarantined);
	return -1;
}

static void
run_virus_action(struct message *m)
{
	struct session *s = m->s;
	struct strbuf sender = {0}, recipients = {0};
	struct hook_facts facts = {
	    .client = s->client.ip,
	    .server = s->upstream.ip,
	    .virus = strbuf_str(&m->result.name),
	    .tmpdir = s->set->temp_directory,
	    .email = strbuf_str(&m->quarantined),
	    .remote = strbuf_str(&s->envelope.remote),
	    .remote_helo = strbuf_str(&s->envelope.remote_helo),
	};

	envelope_get_sender(&s->envelope, &sender);
	envelope_get_recipients(&s->envelope, &recipients);
	facts.sender = strbuf_str(&sender);
	facts.recipients = strbuf_str(&recipients);
	log_debug("executing virus action: %s", s->set->virus_action);
	if (sender.failed || recipients.failed || m->result.name.failed ||
	    envelope_has_failed(&s->envelope))
		log_error("couldn't run virus action: out of memory");
	else if (hook_run(s->set->virus_action, &facts, &s->virus_action,
		     &s->watch.waiter) < 0)
		log_error("couldn't fork for virus action: %m");
	strbuf_free(&sender);
	strbuf_free(&recipients);
}

/*
 * Keep a copy and call the administrator's program.  Returns the action, which
 * becomes a deferral when the mail would be discarded without its copy.
 */
static enum action
handle_virus(struct message *m, enum action action)
{
	const struct settings *set = m->s->set;

	if (set->quarantine && quarantine(m) < 0 && action == ACTION_DISCARD)
		return ACTION_DEFER;
	if (set->virus_action[0] != '\0')
		run_virus_action(m);
	return action;
}

/* Step 4, when the message goes on. */
static void
pass_on(struct message *m, enum stamp_mark mark)
{
	const struct forward_order order = {
	    .content = &m->content,
	    .mark = mark,
	};
	struct strbuf reply = {0};

	switch (forward_message(m->s, &order, &reply)) {
	case FORWARD_ACCEPTED:
		break;
	case FORWARD_REFUSED:
		summary_note(
		    &m->summary, SUMMARY_SERVER_REFUSED, strbuf_str(&reply));
		break;
	case FORWARD_FAILED:
		summary_note(&m->summary, SUMMARY_SERVER_ERROR, NULL);
		break;
	case FORWARD_GIVEN_UP:
		summary_note(&m->summary, SUMMARY_CLIENT_GONE, NULL);
		break;
	}
	strbuf_free(&reply);
}

/* Step 4: do what was chosen; the client gets its one final reply. */
static void
act(struct message *m, enum action action)
{
	switch (action) {
	case ACTION_FORWARD:
		pass_on(m, STAMP_SCANNED);
		return;
	case ACTION_FORWARD_MARKED:
		pass_on(m, STAMP_INFECTED);
		return;
	case ACTION_DISCARD:
		session_refuse_message(m->s, ANSWER_DISCARDED);
		return;
	case ACTION_REJECT:
		session_refuse_message(m->s, ANSWER_REJECTED);
		return;
	case ACTION_REJECT_OVERSIZE:
		session_refuse_message(m->s, ANSWER_OVERSIZE);
		return;
	case ACTION_DEFER:
		session_refuse_message(m->s, ANSWER_LOCAL_ERROR);
		return;
	}
}

/* Steps 2 to 4: what becomes of content that is in the spool. */
static void
decide(struct message *m)
{
	struct session *s = m->s;
	enum action action;

	scan(m);
	if (s->client.end != CLIENT_STAYS ||
	    !client_awaits_message(&s->client)) {
		summary_note(&m->summary, SUMMARY_CLIENT_GONE, NULL);
		return;
	}
	if (m->result.cancelled && !is_lost(&s->upstream)) {
		end(m, ANSWER_STOPPING);
		return;
	}
	action = action_choose(m->result.verdict, s->set->action);
	if (m->result.verdict == SCAN_INFECTED)
		action = handle_virus(m, action);
	act(m, action);
}

/* What becomes of a message that is here. */
static void
settle(struct message *m)
{
	struct session *s = m->s;

	client_begin_wait(&s->client,
	    smtp_command_behind(SMTP_BEHIND_ANYTHING, s->upstream.pipelines));
	if (!client_has_waited(&s->client))
		summary_note(&m->summary, SUMMARY_CLIENT_GONE, NULL);
	else if (m->content.failed || is_lost(&s->upstream))
		session_refuse_message(s, ANSWER_LOCAL_ERROR);
	else if (m->content.dots.repaired &&
	    s->set->bare_newline == BARE_NEWLINE_REJECT) {
		summary_note(&m->summary, SUMMARY_BARE_NEWLINE, NULL);
		session_refuse_message(s, ANSWER_BARE_NEWLINE);
	} else
		decide(m);
	/* Who has not waited for this reply gets another one behind it. */
	(void)client_has_waited(&s->client);
	client_was_answered(&s->client);
}

struct message_end
message_run(struct session *s)
{
	struct message m = {.s = s};
	enum io io;

	watch_restart_keep_alive(&s->watch);
	io = receive(&m);
	if (io == IO_OK)
		settle(&m);
	watch_enter(&s->watch, WATCH_FINAL);
	conn_set_input_size(&s->client.conn, CONN_INPUT_SIZE);
	/* The client has its reply; without a server there is no next one. */
	if (is_lost(&s->upstream) && s->client.end == CLIENT_STAYS)
		end(&m, ANSWER_NONE);
	/* When it can read that, nothing of the message is left. */
	content_close(&m.content);
	client_flush(&s->client);
	if (io != IO_ERROR && io != IO_TIMEOUT) /* as 1.10 */
		summary_log(&m.summary, &s->envelope);
	strbuf_free(&m.result.name);
	strbuf_free(&m.quarantined);
	summary_free(&m.summary);
	transaction_end(s);
	watch_enter(&s->watch, WATCH_COMMANDS);
	watch_restart(&s->watch);
	return m.end;
}
