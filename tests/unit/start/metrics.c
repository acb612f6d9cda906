/*
 * The counters, and their Prometheus text format.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/metrics.h"

#include <pthread.h>

#include "tests/unit/unit.h"

static void
expect_line(const struct strbuf *text, const char *line)
{
	char with_ends[512];

	snprintf(with_ends, sizeof with_ends, "\n%s\n", line);
	if (strstr(strbuf_str(text), with_ends) == NULL) {
		print_error("no line '%s' in:\n%s", line, strbuf_str(text));
		fail();
	}
}

static void
prints_each_metric(void **state)
{
	static const struct metrics_clamd clamds[] = {
	    {"/run/clamd", true}, {"a\\b\"c\n", false}};
	struct metrics m = {.log_lines_lost = 3,
	    .started = 1700000000,
	    .version = "2.0",
	    .clamds = clamds,
	    .clamd_count = COUNT(clamds)};
	struct strbuf out = {0};

	(void)state;
	m.counters.messages[OUTCOME_CLEAN] = 5;
	m.counters.messages[OUTCOME_ABORTED] = 1;
	m.counters.octets = UINT64_MAX;
	m.counters.sessions = 2;
	m.counters.sessions_begun = 7;
	m.counters.refused[COUNTERS_BUSY] = 4;
	m.counters.scans_ended = 6;
	m.counters.scan_us = 12000345;
	m.counters.scans_within[0] = 1;
	m.counters.scans_within[1] = 2;
	m.counters.scans_within[COUNTERS_BUCKETS - 1] = 1;
	m.counters.hooks_failed = 8;
	strbuf_puts(&out, "\n");
	metrics_print(&m, &out);
	expect_line(&out, "# TYPE clamsmtpd_messages_total counter");
	expect_line(&out, "clamsmtpd_messages_total{outcome=\"clean\"} 5");
	expect_line(&out, "clamsmtpd_messages_total{outcome=\"infected\"} 0");
	expect_line(&out, "clamsmtpd_messages_total{outcome=\"aborted\"} 1");
	expect_line(&out, "clamsmtpd_message_bytes_total 18446744073709551615");
	expect_line(&out, "clamsmtpd_sessions 2");
	expect_line(&out, "clamsmtpd_sessions_total 7");
	expect_line(
	    &out, "clamsmtpd_sessions_refused_total{reason=\"busy\"} 4");
	expect_line(
	    &out, "clamsmtpd_sessions_refused_total{reason=\"proxy\"} 0");
	expect_line(&out, "# TYPE clamsmtpd_scan_seconds histogram");
	expect_line(&out, "clamsmtpd_scan_seconds_bucket{le=\"0.001\"} 1");
	expect_line(&out, "clamsmtpd_scan_seconds_bucket{le=\"0.0025\"} 3");
	expect_line(&out, "clamsmtpd_scan_seconds_bucket{le=\"30\"} 3");
	expect_line(&out, "clamsmtpd_scan_seconds_bucket{le=\"60\"} 4");
	expect_line(&out, "clamsmtpd_scan_seconds_bucket{le=\"+Inf\"} 6");
	expect_line(&out, "clamsmtpd_scan_seconds_sum 12.000345");
	expect_line(&out, "clamsmtpd_scan_seconds_count 6");
	expect_line(&out, "clamsmtpd_clamd_up{address=\"/run/clamd\"} 1");
	expect_line(&out, "clamsmtpd_clamd_up{address=\"a\\\\b\\\"c\\n\"} 0");
	expect_line(&out, "clamsmtpd_log_lines_lost_total 3");
	expect_line(&out, "clamsmtpd_virus_actions_failed_total 8");
	expect_line(&out, "clamsmtpd_start_time_seconds 1700000000");
	expect_line(&out, "clamsmtpd_build_info{version=\"2.0\"} 1");
	strbuf_free(&out);
}

static void
prints_an_address_once(void **state)
{
	static const struct metrics_clamd clamds[] = {
	    {"/a", true}, {"/b", true}, {"/a", false}};
	struct metrics m = {
	    .version = "2.0", .clamds = clamds, .clamd_count = COUNT(clamds)};
	struct strbuf out = {0};

	(void)state;
	metrics_print(&m, &out);
	expect_line(&out, "clamsmtpd_clamd_up{address=\"/a\"} 1");
	expect_line(&out, "clamsmtpd_clamd_up{address=\"/b\"} 1");
	assert_null(
	    strstr(strbuf_str(&out), "clamsmtpd_clamd_up{address=\"/a\"} 0"));
	strbuf_free(&out);
}

static void
prints_totals_in_one_line(void **state)
{
	struct metrics m = {.log_lines_lost = 3};
	struct strbuf out = {0};

	(void)state;
	m.counters.messages[OUTCOME_CLEAN] = 5;
	m.counters.messages[OUTCOME_INFECTED] = 2;
	metrics_print_totals(&m, &out);
	assert_string_equal(strbuf_str(&out),
	    "totals: messages=7, clean=5, infected=2, oversize=0, failed=0, "
	    "skipped=0, unscanned=0, refused=0, aborted=0, bytes=0, "
	    "sessions=0, now=0, scans=0, log lines lost=3, virus actions "
	    "failed=0");
	strbuf_free(&out);
}

static void
scans_fall_into_their_bucket(void **state)
{
	static const uint64_t bounds[COUNTERS_BUCKETS] = COUNTERS_BOUNDS;
	struct counters before, after;

	(void)state;
	assert_int_equal(bounds[0], 1000);
	assert_int_equal(bounds[COUNTERS_BUCKETS - 1], 60000000);
	for (size_t i = 0; i < COUNTERS_BUCKETS; i++)
		for (uint64_t more = 0; more < 2; more++) {
			before = counters_read();
			counters_begin_scan();
			assert_int_equal(
			    counters_read().scans, before.scans + 1);
			counters_end_scan(bounds[i] + more);
			after = counters_read();
			assert_int_equal(after.scans, before.scans);
			assert_int_equal(
			    after.scans_ended, before.scans_ended + 1);
			assert_int_equal(
			    after.scan_us, before.scan_us + bounds[i] + more);
			if (i + more < COUNTERS_BUCKETS)
				assert_int_equal(after.scans_within[i + more],
				    before.scans_within[i + more] + 1);
		}
}

#define ROUNDS 20000

static void *
count(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		counters_begin_session();
		counters_add_message(OUTCOME_SKIPPED, 10);
		counters_add_refusal(COUNTERS_PROXY);
		counters_add_failed_hook();
		counters_end_session();
	}
	return NULL;
}

static void
threads_lose_no_count(void **state)
{
	pthread_t threads[4];
	struct counters c;

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, count, NULL), 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	c = counters_read();
	assert_int_equal(c.messages[OUTCOME_SKIPPED], 4 * ROUNDS);
	assert_int_equal(c.octets, 40 * ROUNDS);
	assert_int_equal(c.sessions_begun, 4 * ROUNDS);
	assert_int_equal(c.sessions, 0);
	assert_int_equal(c.refused[COUNTERS_PROXY], 4 * ROUNDS);
	assert_int_equal(c.hooks_failed, 4 * ROUNDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prints_each_metric),
	    cmocka_unit_test(prints_an_address_once),
	    cmocka_unit_test(prints_totals_in_one_line),
	    cmocka_unit_test(scans_fall_into_their_bucket),
	    cmocka_unit_test(threads_lose_no_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
