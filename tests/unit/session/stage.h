/*
 * A stage for what waits by poll(2): whenever there is nothing to go on with the
 * next one of the script's lines is said, and behind its end time passes.  For
 * programs that are linked with --wrap=poll and --wrap=clock_gettime.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_UNIT_SESSION_STAGE_H
#define TESTS_UNIT_SESSION_STAGE_H

#include <time.h>

#include "tests/unit/party.h"

/*
 * Steps are "C TEXT" of the client, "S TEXT" of the server, each with CRLF;
 * "C-" or "S-": it closes its side, "C!" or "S!": it goes; "STOP".  NULL ends.
 */
static struct {
	struct party client, server;
	int stop[2];
	const char *const *next;
	long now_ms;
} stage;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	*ts = (struct timespec){.tv_sec = stage.now_ms / 1000,
	    .tv_nsec = stage.now_ms % 1000 * 1000000};
	return 0;
}

static inline void
stage_step(const char *step)
{
	struct party *who = *step == 'C' ? &stage.client : &stage.server;
	const struct text line = {step + 2, strlen(step) - 2};

	if (strcmp(step, "STOP") == 0) {
		assert_int_equal(close(stage.stop[1]), 0);
		stage.stop[1] = -1;
		return;
	}
	party_listen(who);
	if (step[1] == '-')
		assert_int_equal(shutdown(who->fd, SHUT_WR), 0);
	else if (step[1] == '!')
		party_leave(who);
	else {
		party_say(who, line);
		party_say(who, (struct text)T("\r\n"));
	}
}

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int ready;

	while ((ready = __real_poll(fds, n, 0)) == 0) {
		if (*stage.next == NULL || timeout_ms == 0) {
			assert_true(timeout_ms >= 0);
			stage.now_ms += timeout_ms;
			return 0;
		}
		stage_step(*stage.next++);
	}
	return ready;
}

/* Returns the client's end of the connection to us. */
static inline int
stage_open(const char *const *script)
{
	stage.next = script;
	stage.now_ms = 100000;
	stage.server = (struct party){.fd = -1};
	assert_int_equal(pipe(stage.stop), 0);
	return party_open(&stage.client, NULL);
}

static inline void
stage_close(void)
{
	party_close(&stage.client);
	party_close(&stage.server);
	(void)close(stage.stop[0]);
	if (stage.stop[1] >= 0)
		(void)close(stage.stop[1]);
}

/* What it has heard until now. */
static inline void
stage_expect(const char *title, struct party *who, const char *want)
{
	party_listen(who);
	expect_text((struct text){title, strlen(title)},
	    strbuf_str(&who->heard), who->heard.len,
	    (struct text){want, strlen(want)});
}

#endif
