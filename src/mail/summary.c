/*
 * The line in the log that tells how a message has ended.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/summary.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/strutil.h"

#define ELLIPSIS ", to=..."
#define CUT "..."

/* Octets of a value; all of them together are less than SUMMARY_FACTS_MAX. */
#define WORD_MAX 64
#define VALUE_MAX 160
#define ADDRESS_MAX 112 /* a path of a socket has up to 107 */
#define MESSAGE_ID_MAX 200

/* What administrators look for in the log, and how it is counted. */
static const struct {
	const char *word;
	const char *before_detail;
	enum outcome outcome;
} words[] = {
    [SUMMARY_NONE] = {"", "", OUTCOME_FAILED},
    [SUMMARY_CLEAN] = {"status=CLEAN", "", OUTCOME_CLEAN},
    [SUMMARY_VIRUS] = {"status=VIRUS", ":", OUTCOME_INFECTED},
    [SUMMARY_OVERSIZE] = {"status=OVERSIZE", "", OUTCOME_OVERSIZE},
    [SUMMARY_UNSCANNED] = {"status=UNSCANNED", "", OUTCOME_UNSCANNED},
    [SUMMARY_SKIPPED] = {"status=SKIPPED", "", OUTCOME_SKIPPED},
    [SUMMARY_CLAMAV_ERROR] = {"status=CLAMAV-ERROR", "", OUTCOME_FAILED},
    [SUMMARY_BARE_NEWLINE] = {"status=BARE-NEWLINE", "", OUTCOME_REFUSED},
    [SUMMARY_UPSTREAM_REFUSED] = {"status=SERVER-REFUSED",
	", reply=", OUTCOME_REFUSED},
    [SUMMARY_UPSTREAM_ERROR] = {"status=SERVER-ERROR", "", OUTCOME_FAILED},
    [SUMMARY_CLIENT_GONE] = {"status=CLIENT-GONE", "", OUTCOME_ABORTED},
};

static const char *const actions[] = {
    [SUMMARY_LEFT] = NULL,
    [SUMMARY_FORWARDED] = "forwarded",
    [SUMMARY_DISCARDED] = "discarded",
    [SUMMARY_REJECTED] = "rejected",
    [SUMMARY_DEFERRED] = "deferred",
    [SUMMARY_PASSED] = "passed",
};

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Does a part of the line seem to begin here? */
static bool
is_key(const char *s)
{
	size_t n = 0;

	while (is_letter(s[n]))
		n++;
	return n > 0 && s[n] == '=';
}

/* A virus's name, or a reply, which may well have a comma and a blank. */
static void
add_detail(struct strbuf *out, const char *s)
{
	for (size_t i = 0; s[i] != '\0'; i++) {
		bool forged = s[i] == ' ' && i > 0 && s[i - 1] == ',' &&
		    is_key(s + i + 1);

		strbuf_add(out, forged ? "?" : s + i, 1);
	}
}

void
summary_note(struct summary *s, enum summary_status status, const char *detail)
{
	if (s->status == SUMMARY_VIRUS || s->status == SUMMARY_OVERSIZE)
		return;
	s->status = status;
	strbuf_clear(&s->text);
	strbuf_puts(&s->text, words[status].word);
	if (detail == NULL)
		return;
	strbuf_puts(&s->text, words[status].before_detail);
	add_detail(&s->text, detail);
}

enum summary_action
summary_action_of(int code)
{
	switch (code / 100) {
	case 2:
		return SUMMARY_DISCARDED;
	case 4:
		return SUMMARY_DEFERRED;
	case 5:
		return SUMMARY_REJECTED;
	default:
		return SUMMARY_LEFT;
	}
}

enum outcome
summary_outcome(const struct summary *s, const struct summary_facts *f)
{
	if (s->status == SUMMARY_NONE &&
	    (f->stopped || f->action == SUMMARY_LEFT))
		return OUTCOME_ABORTED;
	return words[s->status].outcome;
}

/* Append a line of the trail, but no blank that could forge another part. */
static void
add_part(struct strbuf *out, const char *part, size_t len)
{
	strbuf_add(out, ", ", out->len > 0 ? 2 : 0);
	for (size_t i = 0; i < len; i++) {
		bool forged = part[i] == ' ' && i > 0 && part[i - 1] == ',';

		strbuf_add(out, forged ? "?" : part + i, 1);
	}
}

/* Append the trail, as far as max octets last. */
static void
add_trail(struct strbuf *out, size_t max, const struct envelope *e)
{
	const char *line = NULL;
	size_t len = 0;

	while (envelope_next_line(e, &line, &len)) {
		if (out->len + 2 + len <= max) {
			add_part(out, line, len);
			continue;
		}
		/* A single one that is too long is cut. */
		if (out->len == 0)
			add_part(out, line, max / 2);
		strbuf_puts(out, ELLIPSIS);
		return;
	}
}

/* 1.10's part. */
static void
add_old_part(
    const struct summary *s, const struct envelope *e, struct strbuf *out)
{
	size_t max = SUMMARY_MAX - strlen(ELLIPSIS);
	size_t status_len = s->text.len;

	/* A virus may have a long name; half of the line is enough of it. */
	if (status_len > SUMMARY_MAX / 2)
		status_len = SUMMARY_MAX / 2;
	if (status_len > 0)
		max -= status_len + 2;
	add_trail(out, max, e);
	if (status_len > 0) {
		strbuf_add(out, ", ", out->len > 0 ? 2 : 0);
		strbuf_add(out, strbuf_str(&s->text), status_len);
	}
}

static void
add_fact(struct strbuf *out, const char *key, const char *value, size_t len,
    size_t max)
{
	size_t start;

	if (len == 0)
		return;
	strbuf_add(out, ", ", out->len > 0 ? 2 : 0);
	strbuf_puts(out, key);
	start = out->len;
	strbuf_add(out, value, len > max ? max - strlen(CUT) : len);
	if (len > max)
		strbuf_puts(out, CUT);
	if (out->failed)
		return;
	for (size_t i = start; i < out->len; i++)
		if (out->data[i] == ' ' || out->data[i] == ',')
			out->data[i] = '?';
	str_mask_controls(out->data + start, out->len - start);
}

static void
add_text(struct strbuf *out, const char *key, const char *value, size_t max)
{
	if (value != NULL)
		add_fact(out, key, value, strlen(value), max);
}

static void
add_refused(struct strbuf *out, const struct summary_facts *f)
{
	char text[48];

	snprintf(text, sizeof text, "%lu/%lu", f->refused, f->recipients);
	if (f->refused > 0)
		add_text(out, "refused=", text, sizeof text);
}

static void
add_size(struct strbuf *out, const struct summary_facts *f)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", f->size);
	add_text(out, "size=", text, sizeof text);
	if (!f->scanned)
		return;
	snprintf(text, sizeof text, "%" PRIu64 "ms", f->scan_ms);
	add_text(out, "scan=", text, sizeof text);
}

static void
add_facts(struct strbuf *out, const struct summary_facts *f)
{
	add_text(out, "action=", actions[f->action], WORD_MAX);
	add_text(out, "skip=", f->skip, WORD_MAX);
	add_refused(out, f);
	add_text(out, "virus=", f->virus, VALUE_MAX);
	add_size(out, f);
	add_text(out, "clamd=", f->clamd, ADDRESS_MAX);
	add_text(out, "client=", f->client, ADDRESS_MAX);
	add_text(out, "helo=", f->helo, VALUE_MAX);
	add_fact(
	    out, "msgid=", f->message_id, f->message_id_len, MESSAGE_ID_MAX);
	add_text(out, "ident=", f->ident, WORD_MAX);
	add_fact(out, "queue=", f->queue_id, f->queue_id_len, WORD_MAX);
	add_text(out, "server=", f->upstream, ADDRESS_MAX);
}

void
summary_line(const struct summary *s, const struct summary_facts *f,
    const struct envelope *e, struct strbuf *out)
{
	strbuf_clear(out);
	add_old_part(s, e, out);
	add_facts(out, f);
}

void
summary_log(const struct summary *s, const struct summary_facts *f,
    const struct envelope *e)
{
	struct strbuf line = {0};

	summary_line(s, f, e, &line);
	if (line.failed || s->text.failed || envelope_has_failed(e))
		log_error("couldn't write all of the summary: out of memory");
	log_info("%s", strbuf_str(&line));
	strbuf_free(&line);
}

void
summary_free(struct summary *s)
{
	strbuf_free(&s->text);
	*s = (struct summary){0};
}
