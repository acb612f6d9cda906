/*
 * The counters in the Prometheus text format, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "clamsmtpd_"
#define LINE_MAX_SHOWN 256 /* octets of a line without a text from outside */
#define US_PER_S 1000000

static const char *const outcomes[OUTCOME_COUNT] = {
    [OUTCOME_CLEAN] = "clean",
    [OUTCOME_INFECTED] = "infected",
    [OUTCOME_OVERSIZE] = "oversize",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_SKIPPED] = "skipped",
    [OUTCOME_UNSCANNED] = "unscanned",
    [OUTCOME_REFUSED] = "refused",
    [OUTCOME_ABORTED] = "aborted",
};
static const char *const refusals[COUNTERS_REFUSALS] = {
    [COUNTERS_BUSY] = "busy",
    [COUNTERS_OUT_OF_STEP] = "out_of_step",
    [COUNTERS_NO_UPSTREAM] = "no_server",
    [COUNTERS_PROXY] = "proxy",
};
static const uint64_t bounds[COUNTERS_BUCKETS] = COUNTERS_BOUNDS;

static void put(struct strbuf *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
put(struct strbuf *out, const char *fmt, ...)
{
	char line[LINE_MAX_SHOWN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	strbuf_puts(out, line);
}

static void
put_head(
    struct strbuf *out, const char *name, const char *type, const char *help)
{
	put(out, "# HELP " PREFIX "%s %s\n", name, help);
	put(out, "# TYPE " PREFIX "%s %s\n", name, type);
}

static void
put_single(struct strbuf *out, const char *name, const char *type,
    const char *help, uint64_t value)
{
	put_head(out, name, type, help);
	put(out, PREFIX "%s %" PRIu64 "\n", name, value);
}

static void
put_each(struct strbuf *out, const char *name, const char *label,
    const char *const words[], const uint64_t values[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(out, PREFIX "%s{%s=\"%s\"} %" PRIu64 "\n", name, label,
		    words[i], values[i]);
}

static void
put_seconds(struct strbuf *out, uint64_t us)
{
	put(out, "%" PRIu64 ".%06" PRIu64, us / US_PER_S, us % US_PER_S);
}

/* "0.0025": a bound has the same text for ever, or it were another one. */
static void
put_bound(struct strbuf *out, uint64_t us)
{
	put(out, "%g", (double)us / US_PER_S);
}

static void
put_scan_seconds(struct strbuf *out, const struct counters *c)
{
	uint64_t within = 0;

	put_head(out, "scan_seconds", "histogram",
	    "Time that messages took to be scanned.");
	for (size_t i = 0; i < COUNTERS_BUCKETS; i++) {
		within += c->scans_within[i];
		strbuf_puts(out, PREFIX "scan_seconds_bucket{le=\"");
		put_bound(out, bounds[i]);
		put(out, "\"} %" PRIu64 "\n", within);
	}
	put(out, PREFIX "scan_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n",
	    c->scans_ended);
	strbuf_puts(out, PREFIX "scan_seconds_sum ");
	put_seconds(out, c->scan_us);
	put(out, "\n" PREFIX "scan_seconds_count %" PRIu64 "\n",
	    c->scans_ended);
}

/* The text of a label, in which three octets have another form. */
static void
put_label(struct strbuf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\' || *s == '"')
			strbuf_add(out, "\\", 1);
		if (*s == '\n')
			strbuf_puts(out, "\\n");
		else
			strbuf_add(out, s, 1);
	}
}

/* A metric that stands twice would make the file no such file. */
static bool
stood_before(const struct metrics *m, size_t n)
{
	size_t i = 0;

	while (i < n && strcmp(m->clamds[i].address, m->clamds[n].address) != 0)
		i++;
	return i < n;
}

static void
put_clamds(struct strbuf *out, const struct metrics *m)
{
	put_head(out, "clamd_up", "gauge",
	    "Whether this clamd is asked first-hand (1) or set aside (0).");
	for (size_t i = 0; i < m->clamd_count; i++) {
		if (stood_before(m, i))
			continue;
		strbuf_puts(out, PREFIX "clamd_up{address=\"");
		put_label(out, m->clamds[i].address);
		put(out, "\"} %d\n", m->clamds[i].up ? 1 : 0);
	}
}

static void
put_messages(struct strbuf *out, const struct counters *c)
{
	put_head(out, "messages_total", "counter",
	    "Messages (answers of 354 to DATA), by how they ended.");
	put_each(out, "messages_total", "outcome", outcomes, c->messages,
	    OUTCOME_COUNT);
	put_single(out, "message_bytes_total", "counter",
	    "Content of these messages, as received.", c->octets);
}

static void
put_sessions(struct strbuf *out, const struct counters *c)
{
	put_single(out, "sessions", "gauge", "Connections of clients now.",
	    c->sessions);
	put_single(out, "sessions_total", "counter",
	    "Connections of clients that were accepted.", c->sessions_begun);
	put_head(out, "sessions_refused_total", "counter",
	    "Connections of clients that were turned away, by the reason.");
	put_each(out, "sessions_refused_total", "reason", refusals, c->refused,
	    COUNTERS_REFUSALS);
}

void
metrics_print(const struct metrics *m, struct strbuf *out)
{
	const struct counters *c = &m->counters;

	put_messages(out, c);
	put_sessions(out, c);
	put_single(
	    out, "scans", "gauge", "Scans that are going on now.", c->scans);
	put_scan_seconds(out, c);
	put_clamds(out, m);
	put_single(out, "log_lines_lost_total", "counter",
	    "Lines of the log that nobody took.", m->log_lines_lost);
	put_single(out, "virus_actions_failed_total", "counter",
	    "Runs of VirusAction that were no success.", c->hooks_failed);
	put_single(out, "start_time_seconds", "gauge",
	    "When the daemon was started, in seconds since 1970.",
	    (uint64_t)m->started);
	put_head(
	    out, "build_info", "gauge", "The version of the daemon; always 1.");
	put(out, PREFIX "build_info{version=\"%s\"} 1\n", m->version);
}

void
metrics_print_totals(const struct metrics *m, struct strbuf *out)
{
	const struct counters *c = &m->counters;
	uint64_t all = 0;

	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		all += c->messages[i];
	put(out, "totals: messages=%" PRIu64, all);
	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		put(out, ", %s=%" PRIu64, outcomes[i], c->messages[i]);
	put(out, ", bytes=%" PRIu64 ", sessions=%" PRIu64 ", now=%" PRIu64,
	    c->octets, c->sessions_begun, c->sessions);
	put(out, ", scans=%" PRIu64 ", log lines lost=%lu", c->scans_ended,
	    m->log_lines_lost);
	put(out, ", virus actions failed=%" PRIu64, c->hooks_failed);
}
