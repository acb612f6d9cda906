/*
 * What a wait sees beside what it waits for, and when it ends.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/watch.h"

#include "tests/unit/session/stage.h"

#define TIMEOUT_MS 60000
#define BUDGET_MS 30000

static struct {
	struct watch watch;
	struct client client;
	struct upstream upstream;
} we;

static void
begin(const char *const *script, int keep_alives_ms)
{
	const struct addr nobody = {0};
	int fd = stage_open(script);

	we.upstream = (struct upstream){0};
	watch_open(&we.watch, &we.client, &we.upstream, stage.stop[0],
	    TIMEOUT_MS, keep_alives_ms);
	client_open(&we.client, fd, &nobody, &we.watch.waiter, TIMEOUT_MS);
	client_begin_wait(&we.client, SMTP_BEHIND_ANYTHING);
	conn_open(&we.upstream.conn, "SERVER", party_open(&stage.server, NULL),
	    &we.watch.waiter, TIMEOUT_MS);
	watch_begin_budget(&we.watch, BUDGET_MS);
	watch_restart(&we.watch);
}

static void
end(void)
{
	conn_close(&we.client.conn);
	conn_close(&we.upstream.conn);
	pending_clear(&we.upstream.pending);
	stage_close();
}

/* Wait for what never comes, as long as TimeOut. */
static enum io
wait_for_nothing(void)
{
	int never[2];
	enum io io;

	assert_int_equal(pipe(never), 0);
	io = waiter_wait(
	    &we.watch.waiter, never[0], POLLIN, deadline_in(TIMEOUT_MS));
	(void)close(never[0]);
	(void)close(never[1]);
	return io;
}

static const struct {
	const char *title;
	enum watch_phase phase;
	const char *script[3];
	enum io io;
	int took_ms;
	enum client_end end;
	enum upstream_loss lost;
} cases[] = {
    {"nothing", WATCH_RECEIVE, {NULL}, IO_TIMEOUT, TIMEOUT_MS, CLIENT_STAYS,
	UPSTREAM_THERE},
    {"a budget", WATCH_SCAN, {NULL}, IO_TIMEOUT, BUDGET_MS, CLIENT_STAYS,
	UPSTREAM_THERE},
    {"a budget still", WATCH_LAST_STEP, {NULL}, IO_TIMEOUT, BUDGET_MS,
	CLIENT_STAYS, UPSTREAM_THERE},
    {"none any more", WATCH_FINAL, {NULL}, IO_TIMEOUT, TIMEOUT_MS, CLIENT_STAYS,
	UPSTREAM_THERE},
    {"a stop in commands", WATCH_COMMANDS, {"STOP"}, IO_CANCELLED, 0,
	CLIENT_STAYS, UPSTREAM_THERE},
    {"a stop in content", WATCH_RECEIVE, {"STOP"}, IO_CANCELLED, 0,
	CLIENT_STAYS, UPSTREAM_THERE},
    {"a stop in the scan", WATCH_SCAN, {"STOP"}, IO_CANCELLED, 0, CLIENT_STAYS,
	UPSTREAM_THERE},
    {"a stop too late", WATCH_LAST_STEP, {"STOP"}, IO_TIMEOUT, BUDGET_MS,
	CLIENT_STAYS, UPSTREAM_THERE},
    {"a stop at the end", WATCH_FINAL, {"STOP"}, IO_TIMEOUT, TIMEOUT_MS,
	CLIENT_STAYS, UPSTREAM_THERE},
    /* The content is read to its end even if nobody wants it. */
    {"the server goes in content", WATCH_RECEIVE, {"S!"}, IO_TIMEOUT,
	TIMEOUT_MS, CLIENT_STAYS, UPSTREAM_CLOSED},
    {"the server goes in the scan", WATCH_SCAN, {"S!"}, IO_CANCELLED, 0,
	CLIENT_STAYS, UPSTREAM_CLOSED},
    {"it says goodbye", WATCH_SCAN, {"S 421 x"}, IO_CANCELLED, 0, CLIENT_STAYS,
	UPSTREAM_LEFT},
    {"it speaks out of turn", WATCH_SCAN, {"S 250 x"}, IO_CANCELLED, 0,
	CLIENT_STAYS, UPSTREAM_GIVEN_UP},
    {"it goes while it is heard", WATCH_LAST_STEP, {"S!"}, IO_TIMEOUT,
	BUDGET_MS, CLIENT_STAYS, UPSTREAM_THERE},
    {"the client goes in the scan", WATCH_SCAN, {"C!"}, IO_CANCELLED, 0,
	CLIENT_LOST, UPSTREAM_THERE},
    {"it gives up", WATCH_LAST_STEP, {"C-"}, IO_CANCELLED, 0, CLIENT_GAVE_UP,
	UPSTREAM_THERE},
    {"it has said QUIT", WATCH_SCAN, {"C QUIT", "C-"}, IO_TIMEOUT, BUDGET_MS,
	CLIENT_STAYS, UPSTREAM_THERE},
    {"it goes too late", WATCH_FINAL, {"C!"}, IO_TIMEOUT, TIMEOUT_MS,
	CLIENT_STAYS, UPSTREAM_THERE},
};

static void
sees_what_the_phase_lets_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text title = {
		    cases[i].title, strlen(cases[i].title)};
		long begun;

		begin(cases[i].script, 0);
		begun = stage.now_ms;
		watch_enter(&we.watch, cases[i].phase);
		expect_number(title, "io", wait_for_nothing(), cases[i].io);
		expect_number(
		    title, "took", stage.now_ms - begun, cases[i].took_ms);
		expect_number(title, "end", we.client.end, cases[i].end);
		expect_number(title, "lost", we.upstream.lost, cases[i].lost);
		assert_null(*stage.next);
		end();
	}
}

/* A NOOP every KeepAlives, but none while one is unanswered. */
static void
keeps_the_server_alive(void **state)
{
	static const char *const silent[] = {NULL},
				 *const answers[] = {"S 250 x", NULL};

	(void)state;
	begin(silent, 7000);
	watch_restart_keep_alive(&we.watch);
	watch_enter(&we.watch, WATCH_SCAN);
	assert_int_equal(wait_for_nothing(), IO_TIMEOUT);
	stage_expect("silent", &stage.server, "NOOP\r\n");
	stage.next = answers;
	watch_begin_budget(&we.watch, 20000);
	assert_int_equal(wait_for_nothing(), IO_TIMEOUT);
	stage_expect("answers", &stage.server, "NOOP\r\nNOOP\r\n");
	end();
}

static const struct {
	const char *title;
	const char *script[2];
	bool hear_client;
	enum io io;
	bool client, upstream;
} turns[] = {
    {"the client", {"C x"}, true, IO_OK, true, false},
    {"the server", {"S x"}, true, IO_OK, false, true},
    {"nobody", {NULL}, true, IO_TIMEOUT, false, false},
    {"a stop", {"STOP"}, true, IO_CANCELLED, false, false},
    {"not the client", {"C x"}, false, IO_TIMEOUT, false, false},
    {"but its end", {"C!"}, false, IO_OK, true, false},
};

static void
waits_for_both_parties(void **state)
{
	struct watch_seen seen;

	(void)state;
	for (size_t i = 0; i < COUNT(turns); i++) {
		begin(turns[i].script, 0);
		assert_int_equal(
		    watch_parties(&we.watch, turns[i].hear_client, &seen),
		    turns[i].io);
		assert_int_equal(seen.client, turns[i].client);
		assert_int_equal(seen.upstream, turns[i].upstream);
		end();
	}
	/* Who always has something, but never a line, runs out of time too. */
	begin(turns[0].script, 0);
	assert_int_equal(watch_parties(&we.watch, true, &seen), IO_OK);
	stage.now_ms += TIMEOUT_MS;
	assert_int_equal(watch_parties(&we.watch, true, &seen), IO_TIMEOUT);
	watch_restart(&we.watch);
	assert_int_equal(watch_parties(&we.watch, true, &seen), IO_OK);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sees_what_the_phase_lets_it),
	    cmocka_unit_test(keeps_the_server_alive),
	    cmocka_unit_test(waits_for_both_parties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
