/*
 * How the server is left, and what is held back from it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/upstream.h"

#include "common/conn_out.h"
#include "src/session/upstream_in.h"
#include "src/session/upstream_own.h"
#include "tests/unit/party.h"

static const struct exchange seen = {.name = "seen"};
static const struct exchange last = {.name = "last", .is_last = true};

static void
open_upstream(
    struct upstream *u, struct party *server, const struct party_step *steps)
{
	*u = (struct upstream){0};
	conn_open(&u->conn, "SERVER", party_open(server, steps),
	    &server->waiter, 60000);
}

static void
ask(struct upstream *u, const struct exchange *exchange, const char *line)
{
	upstream_ask_own(u, exchange, line);
	assert_int_equal(upstream_flush(u), IO_OK);
}

static void
parts(void **state)
{
	static const struct {
		const struct exchange *pending; /* NULL: no command */
		struct party_step steps[3];
		bool unsent; /* there is a command that did not leave */
		bool quits;
	} cases[] = {
	    {NULL, {{PARTY_END, T("")}}, false, true},
	    {NULL, {{PARTY_END, T("")}}, true, true},
	    /* A reply that is due is awaited, if it comes. */
	    {&seen, {{PARTY_SAY, T("250-a\r\n")}, {PARTY_SAY, T("250 b\r\n")}},
		false, true},
	    {&seen, {{PARTY_SAY, T("250-a\r\n")}}, false, true},
	    {&last, {{PARTY_SAY, T("250 a\r\n")}}, false, true},
	    {&last, {{PARTY_END, T("")}}, false, false},
	    /* It goes by itself. */
	    {&seen, {{PARTY_SAY, T("421 a\r\n")}}, false, false},
	    {&seen, {{PARTY_LEAVE, T("")}}, false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct party server;
		struct upstream u;
		const char *quit;

		open_upstream(&u, &server, cases[i].steps);
		if (cases[i].pending != NULL)
			ask(&u, cases[i].pending, "NOOP");
		if (cases[i].unsent)
			upstream_ask_own(&u, &seen, "MAIL");
		upstream_close(&u);
		party_listen(&server);
		quit = strstr(strbuf_str(&server.heard), "QUIT\r\n");
		assert_int_equal(quit != NULL, cases[i].quits);
		assert_null(strstr(strbuf_str(&server.heard), "MAIL"));
		party_close(&server);
	}
}

/* Not before the reply to what was asked before, where nothing may overtake. */
static void
holds_back_what_is_our_own(void **state)
{
	static const struct party_step steps[] = {{PARTY_END, T("")}};
	struct upstream_line l;
	struct party server;
	struct upstream u;

	(void)state;
	for (int pipelines = 0; pipelines < 2; pipelines++) {
		open_upstream(&u, &server, steps);
		u.pipelines = pipelines;
		ask(&u, &seen, "NOOP");
		ask(&u, &last, "RSET");
		party_listen(&server);
		assert_string_equal(strbuf_str(&server.heard),
		    pipelines ? "NOOP\r\nRSET\r\n" : "NOOP\r\n");
		assert_true(upstream_must_wait(&u, true));
		party_say(&server, (struct text)T("250 a\r\n"));
		assert_int_equal(upstream_read(&u), IO_OK);
		assert_int_equal(upstream_next(&u, &l), UPSTREAM_LINE);
		free(upstream_take(&u).text);
		assert_int_equal(upstream_flush(&u), IO_OK);
		party_listen(&server);
		assert_string_equal(
		    strbuf_str(&server.heard), "NOOP\r\nRSET\r\n");
		assert_true(upstream_owes_reply(&u));
		assert_int_equal(upstream_next(&u, &l), UPSTREAM_NOTHING);
		assert_ptr_equal(l.about->exchange, &last);
		upstream_lose(&u, UPSTREAM_GIVEN_UP);
		assert_false(upstream_owes_reply(&u));
		upstream_close(&u);
		party_close(&server);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts),
	    cmocka_unit_test(holds_back_what_is_our_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
