/*
 * The line in the log that tells how a message has ended.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/summary.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"

#define ELLIPSIS ", to=..."
#define REFUSED_MAX 64

/* What administrators look for in the log. */
static const struct {
	const char *word;
	const char *before_detail;
} words[] = {
    [SUMMARY_NONE] = {"", ""},
    [SUMMARY_CLEAN] = {"status=CLEAN", ""},
    [SUMMARY_VIRUS] = {"status=VIRUS", ":"},
    [SUMMARY_OVERSIZE] = {"status=OVERSIZE", ""},
    [SUMMARY_UNSCANNED] = {"status=UNSCANNED", ""},
    [SUMMARY_SKIPPED] = {"status=SKIPPED", ""},
    [SUMMARY_CLAMAV_ERROR] = {"status=CLAMAV-ERROR", ""},
    [SUMMARY_BARE_NEWLINE] = {"status=BARE-NEWLINE", ""},
    [SUMMARY_SERVER_REFUSED] = {"status=SERVER-REFUSED", ", reply="},
    [SUMMARY_SERVER_ERROR] = {"status=SERVER-ERROR", ""},
    [SUMMARY_CLIENT_GONE] = {"status=CLIENT-GONE", ""},
};

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
	strbuf_puts(&s->text, detail);
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

void
summary_count(
    struct summary *s, unsigned long accepted, unsigned long recipients)
{
	s->refused = recipients - accepted;
	s->recipients = recipients;
}

/* What was refused at the dot, with a comma; "" for none. */
static const char *
refused_text(const struct summary *s, char text[REFUSED_MAX])
{
	text[0] = '\0';
	if (s->refused > 0)
		snprintf(text, REFUSED_MAX, ", refused=%lu/%lu", s->refused,
		    s->recipients);
	return text;
}

void
summary_line(
    const struct summary *s, const struct envelope *e, struct strbuf *out)
{
	size_t max = SUMMARY_MAX - strlen(ELLIPSIS);
	size_t status_len = s->text.len;
	char refused[REFUSED_MAX];

	/* A virus may have a long name; half of the line is enough of it. */
	if (status_len > SUMMARY_MAX / 2)
		status_len = SUMMARY_MAX / 2;
	if (status_len > 0)
		max -= status_len + 2;
	max -= strlen(refused_text(s, refused));
	strbuf_clear(out);
	add_trail(out, max, e);
	if (status_len > 0) {
		strbuf_add(out, ", ", out->len > 0 ? 2 : 0);
		strbuf_add(out, strbuf_str(&s->text), status_len);
	}
	if (s->skip != NULL) {
		strbuf_puts(out, ", skip=");
		strbuf_puts(out, s->skip);
	}
	strbuf_puts(out, refused);
}

void
summary_log(const struct summary *s, const struct envelope *e)
{
	struct strbuf line = {0};

	summary_line(s, e, &line);
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
