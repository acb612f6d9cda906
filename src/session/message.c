/*
 * The data phase: five steps, each a function: receive, scan, choose, act,
 * report.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "src/mail/content.h"
#include "src/mail/counters.h"
#include "src/scan/policy.h"
#include "src/scan/scanner.h"
#include "src/session/client_out.h"
#include "src/session/forward.h"
#include "src/session/infection.h"
#include "src/session/receive.h"
#include "src/session/report.h"
#include "src/session/transaction.h"

struct message {
	struct session *s;
	struct message_end end;
	struct content content;
	struct policy_facts facts;
	struct policy policy;
	struct strbuf name; /* of the virus or limit */
	struct report report;
};

static void
note(struct message *m, enum summary_status status)
{
	summary_note(&m->report.summary, status, NULL);
}

static bool
is_lost(const struct upstream *u)
{
	return u->lost != UPSTREAM_THERE;
}

static void
note_action(struct message *m, enum summary_action action)
{
	m->report.facts.action = action;
}

/* The session ends with this; the first word counts. */
static void
end(struct message *m, enum answer last_word)
{
	if (!m->end.over)
		m->end = (struct message_end){true, last_word};
}

/* A stop has come before the message's fate was decided. */
static void
end_stopped(struct message *m)
{
	m->report.facts.stopped = true;
	note_action(m, summary_action_of(answers_code(ANSWER_STOPPING)));
	end(m, ANSWER_STOPPING);
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
		note(m, SUMMARY_CLIENT_GONE);
		end(m, ANSWER_TIMED_OUT);
		return;
	case IO_CANCELLED:
		end_stopped(m);
		return;
	case IO_EOF:
	case IO_ERROR:
		log_error("unexpected end of data from client");
		if (io == IO_ERROR) /* otherwise without a status, as 1.10 */
			note(m, SUMMARY_CLIENT_GONE);
		/* Nobody waits for the reply; as 1.10. */
		if (io == IO_EOF)
			session_reset_upstream(s);
		if (upstream_flush(&s->upstream) != IO_OK)
			upstream_lose(&s->upstream, UPSTREAM_CLOSED);
		end(m, io == IO_EOF ? ANSWER_LOCAL_ERROR : ANSWER_NONE);
		return;
	}
}

static enum exempt
find_exempt(const struct message *m)
{
	const struct session *s = m->s;
	const struct addr client = session_true_client(s);

	return exempt_find(
	    &s->set->skip, &s->exempt, &client, s->introduction.authenticated);
}

/* Step 1: from the client.  But for IO_OK the session has ended. */
static enum io
receive(struct message *m)
{
	struct session *s = m->s;
	enum io io = receive_content(s, &m->content);

	watch_begin_budget(&s->watch, FORWARD_BUDGET_MS);
	m->facts.content_failed = m->content.failed;
	m->facts.too_large = m->content.too_large;
	m->facts.upstream_lost = is_lost(&s->upstream);
	m->facts.bare_newline = m->content.dots.repaired;
	m->facts.exempt = find_exempt(m) != EXEMPT_NOT;
	end_unreceived(m, io);
	return io;
}

static void
note_verdict(struct message *m, const struct scan_result *r)
{
	m->facts.scanned = true;
	m->facts.verdict = r->verdict;
	m->facts.content_failed = r->content_lost;
	m->report.facts.clamd = r->said.clamd;
	m->name = r->said.name;
	if (r->said.named && !m->name.failed)
		m->facts.name = strbuf_str(&m->name);
	switch (r->verdict) {
	case SCAN_CLEAN:
		note(m, SUMMARY_CLEAN);
		break;
	case SCAN_INFECTED:
		m->report.facts.virus = strbuf_str(&m->name);
		summary_note(&m->report.summary, SUMMARY_VIRUS,
		    r->said.named ? strbuf_str(&m->name) : NULL);
		break;
	case SCAN_OVERSIZE:
		note(m, SUMMARY_OVERSIZE);
		break;
	case SCAN_FAILED:
		if (r->said.engaged && !r->cancelled && !r->content_lost)
			note(m, SUMMARY_CLAMAV_ERROR);
		break;
	}
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
scan_content(struct message *m, struct scan_result *result)
{
	struct session *s = m->s;
	const uint64_t begun = now_us();
	uint64_t took;

	counters_begin_scan();
	scanner_scan(&s->set->scan, &m->content, &s->watch.waiter,
	    s->watch.budget, result);
	took = now_us() - begun;
	counters_end_scan(took);
	m->report.facts.scanned = true;
	m->report.facts.scan_ms = took / 1000;
}

/* Step 2: to clamd.  False: nobody waits for what becomes of it. */
static bool
scan(struct message *m)
{
	struct session *s = m->s;
	struct scan_result result;

	watch_enter(&s->watch, WATCH_SCAN);
	scan_content(m, &result);
	note_verdict(m, &result);
	m->facts.scan_given_up =
	    result.cancelled || watch_has_used_budget(&s->watch);
	/* What is clean goes on, and is looked at before its end. */
	if (s->client.end != CLIENT_STAYS ||
	    (result.verdict != SCAN_CLEAN &&
		!client_awaits_message(&s->client))) {
		note(m, SUMMARY_CLIENT_GONE);
		return false;
	}
	if (result.cancelled && !is_lost(&s->upstream)) {
		end_stopped(m);
		return false;
	}
	return true;
}

/* Step 3: as often as more is known. */
static void
choose(struct message *m)
{
	m->policy = policy_choose(&m->facts);
}

/* Keep a copy of a virus, and call the administrator's program. */
static void
handle_virus(struct message *m)
{
	const struct settings *set = m->s->set;
	struct strbuf copy = {0};

	if (set->quarantine && infection_keep(&m->content, &copy) < 0) {
		m->facts.quarantine_failed = true;
		choose(m);
	}
	if (m->policy.handles_virus && set->virus_action[0] != '\0')
		infection_tell(m->s, &m->name, &copy);
	strbuf_free(&copy);
}

static enum summary_action
action_of(const struct stamp_mark *mark)
{
	switch (mark->kind) {
	case STAMP_NONE:
	case STAMP_SCANNED:
		return SUMMARY_FORWARDED;
	case STAMP_INFECTED:
	case STAMP_UNSCANNED:
		break;
	}
	return SUMMARY_PASSED;
}

/* Step 4, when the message goes on. */
static void
pass_on(struct message *m)
{
	struct session *s = m->s;
	struct forward_report *report = &m->report.forward;
	const enum forward_outcome outcome =
	    forward_message(s, &m->content, &m->policy.mark, report);

	switch (outcome) {
	case FORWARD_ACCEPTED:
		note_action(m, action_of(&m->policy.mark));
		break;
	case FORWARD_REFUSED:
		summary_note(&m->report.summary, SUMMARY_UPSTREAM_REFUSED,
		    strbuf_str(&report->reply));
		note_action(m,
		    summary_action_of(smtp_reply_parse(
			strbuf_str(&report->reply), report->reply.len)
					  .code));
		break;
	case FORWARD_FAILED:
		note(m, SUMMARY_UPSTREAM_ERROR);
		note_action(m, SUMMARY_DEFERRED);
		break;
	case FORWARD_GIVEN_UP:
		note(m, SUMMARY_CLIENT_GONE);
		break;
	}
	if (outcome != FORWARD_GIVEN_UP && s->hello.protocol == HELLO_LMTP)
		report_recipients(&m->report, transaction_replies(s));
}

/* Step 4: do what was chosen; the client gets its one final reply. */
static void
carry_out(struct message *m)
{
	if (m->policy.answer == ANSWER_BARE_NEWLINE)
		note(m, SUMMARY_BARE_NEWLINE);
	if (m->policy.answer == ANSWER_TOO_LARGE)
		note(m, SUMMARY_OVERSIZE);
	if (m->policy.mark.kind == STAMP_UNSCANNED)
		note(m, SUMMARY_UNSCANNED);
	if (m->policy.action == POLICY_FORWARD) {
		pass_on(m);
		return;
	}
	note_action(m, summary_action_of(answers_code(m->policy.answer)));
	session_refuse_message(m->s, m->policy.answer);
}

/* It goes on unseen: nobody wants it to be scanned. */
static void
note_skipped(struct message *m)
{
	note(m, SUMMARY_SKIPPED);
	m->report.facts.skip = exempt_word(find_exempt(m));
}

/* Steps 2 to 4. */
static void
decide(struct message *m)
{
	choose(m);
	if (m->policy.action == POLICY_SCAN) {
		if (!scan(m))
			return;
		choose(m);
	} else if (m->policy.action == POLICY_FORWARD)
		note_skipped(m);
	if (m->policy.handles_virus)
		handle_virus(m);
	carry_out(m);
}

/* The message is here: the client waits for what becomes of it. */
static void
settle(struct message *m)
{
	struct session *s = m->s;

	client_owe(&s->client, transaction_replies(s));
	client_begin_wait(&s->client,
	    smtp_command_behind(SMTP_BEHIND_ANYTHING, s->upstream.pipelines));
	if (client_has_kept_step(&s->client))
		decide(m);
	else
		note(m, SUMMARY_CLIENT_GONE);
	/* Who has not waited for this reply gets another one behind it. */
	(void)client_has_waited(&s->client);
	client_was_answered(&s->client);
}

struct message_end
message_run(struct session *s)
{
	struct message m = {.s = s, .facts = {.config = &s->set->policy}};
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
	report_write(&m.report, s, &m.content);
	report_free(&m.report);
	strbuf_free(&m.name);
	transaction_end(s);
	watch_enter(&s->watch, WATCH_COMMANDS);
	watch_restart(&s->watch);
	return m.end;
}
