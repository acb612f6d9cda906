/*
 * A balancer's own check of how we are.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/health.h"

#include <pthread.h>

#include "common/conn_line.h"
#include "common/log.h"
#include "common/strutil.h"
#include "src/scan/clamds.h"
#include "src/session/client_out.h"

/* The last attempt to reach the server, of any session, under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct deadline fresh_until;
static bool last_reached;
/* No line about checks before, under the lock. */
static struct deadline quiet_until;

void
health_note_upstream(bool reached)
{
	pthread_mutex_lock(&lock);
	fresh_until = deadline_in(HEALTH_FRESH_MS);
	last_reached = reached;
	pthread_mutex_unlock(&lock);
}

/* Balancers come every few seconds, each of them. */
static void
tell_check(const struct client *c)
{
	bool quiet;

	pthread_mutex_lock(&lock);
	quiet = deadline_left_ms(quiet_until) > 0;
	if (!quiet)
		quiet_until = deadline_in(LOG_RARELY_MS);
	pthread_mutex_unlock(&lock);
	if (!quiet)
		log_info("health check from: %s", c->ip);
}

/* Could the server be reached the last time?  False in *fresh: long ago. */
static bool
was_reached(bool *fresh)
{
	bool reached;

	pthread_mutex_lock(&lock);
	*fresh = deadline_left_ms(fresh_until) > 0;
	reached = last_reached;
	pthread_mutex_unlock(&lock);
	return reached;
}

static bool
can_reach_upstream(struct session *s, void (*try_upstream)(struct session *s))
{
	bool fresh, reached;

	/* Each client has a server of its own. */
	if (s->set->transparent_proxy)
		return true;
	reached = was_reached(&fresh);
	if (fresh)
		return reached;
	try_upstream(s);
	return was_reached(&fresh);
}

/* What is wrong with us; or ANSWER_NONE. */
static enum answer
find_trouble(struct session *s, void (*try_upstream)(struct session *s))
{
	if (clamds_are_all_set_aside(s->set->scan.clamds))
		return ANSWER_NO_CLAMD;
	return can_reach_upstream(s, try_upstream) ? ANSWER_NONE
						   : ANSWER_NO_UPSTREAM;
}

static enum answer
answer_to(const struct smtp_command *c)
{
	static const struct {
		const char *verb;
		enum answer answer;
	} answers[] = {
	    {"HELO", ANSWER_HELLO},
	    {"EHLO", ANSWER_HELLO},
	    {"NOOP", ANSWER_OK},
	    {"RSET", ANSWER_OK},
	    {"QUIT", ANSWER_BYE},
	};

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (str_equals(c->verb, c->verb_len, answers[i].verb))
			return answers[i].answer;
	return ANSWER_NOT_IMPLEMENTED;
}

/* Wait for the next line.  IO_OK, or how the wait has ended. */
static enum io
await_line(struct session *s, struct line *line)
{
	const struct deadline d = watch_timeout(&s->watch);
	enum io io = IO_OK;

	while (io == IO_OK && !conn_line(&s->client.conn, line))
		io = conn_fill(&s->client.conn, d);
	return io;
}

enum answer
health_run(struct session *s, void (*try_upstream)(struct session *s))
{
	enum answer answer = ANSWER_GREETING;

	tell_check(&s->client);
	while (answer != ANSWER_BYE) {
		enum answer trouble = find_trouble(s, try_upstream);
		struct smtp_command c;
		struct line line;
		enum io io;

		if (trouble != ANSWER_NONE)
			return trouble;
		client_say(&s->client, answer);
		client_flush(&s->client);
		io = await_line(s, &line);
		if (io != IO_OK)
			return session_word_of_wait(io);
		c = smtp_command_parse(line.data, line.len);
		answer = answer_to(&c);
	}
	return answer;
}
