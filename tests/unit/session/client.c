/*
 * Who has connected: its step, its end, and what it is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/client.h"

#include "src/session/client_out.h"
#include "tests/unit/party.h"

static void
open_client(struct client *c, struct party *peer, enum smtp_behind behind)
{
	static const struct party_step nothing[] = {{PARTY_END, T("")}};
	const struct addr nobody = {0};

	client_open(
	    c, party_open(peer, nothing), &nobody, &peer->waiter, 60000);
	client_begin_wait(c, behind);
}

static void
close_client(struct client *c, struct party *peer)
{
	conn_close(&c->conn);
	party_close(peer);
}

static void
told(struct client *c, struct party *peer, const char *want)
{
	const struct text all = {want, strlen(want)};

	client_flush(c);
	party_listen(peer);
	expect_text(all, strbuf_str(&peer->heard), peer->heard.len, all);
}

static const struct {
	enum smtp_behind behind;
	struct text said; /* before its reply */
	enum client_end end;
} steps[] = {
    {SMTP_BEHIND_NOTHING, T(""), CLIENT_STAYS},
    {SMTP_BEHIND_QUIT, T("quit\r\n"), CLIENT_STAYS},
    {SMTP_BEHIND_QUIT, T("QU"), CLIENT_STAYS},
    {SMTP_BEHIND_QUIT, T("NOOP\r\n"), CLIENT_OUT_OF_STEP},
    {SMTP_BEHIND_ANYTHING, T("NOOP\r\n"), CLIENT_STAYS},
};

static void
keeps_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct party peer;
		struct client c;

		open_client(&c, &peer, steps[i].behind);
		party_say(&peer, steps[i].said);
		/* What has come meanwhile is read first. */
		assert_int_equal(
		    client_has_waited(&c), steps[i].end == CLIENT_STAYS);
		assert_int_equal(c.end, steps[i].end);
		/* Nothing can be said out of step once all was answered. */
		client_was_answered(&c);
		assert_int_equal(c.behind == SMTP_BEHIND_ANYTHING,
		    steps[i].said.len == 0 ||
			steps[i].behind == SMTP_BEHIND_ANYTHING);
		close_client(&c, &peer);
	}
}

static const struct {
	struct text said; /* behind the final dot */
	bool closes; /* its side, without closing ours */
	bool awaits;
	enum client_end end;
} waits[] = {
    {T(""), false, true, CLIENT_STAYS},
    {T(""), true, false, CLIENT_GAVE_UP},
    {T("QUIT\r\n"), true, true, CLIENT_STAYS},
};

static void
awaits_its_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(waits); i++) {
		struct party peer;
		struct client c;

		open_client(&c, &peer, SMTP_BEHIND_ANYTHING);
		party_say(&peer, waits[i].said);
		if (waits[i].closes)
			assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
		assert_int_equal(client_awaits_message(&c), waits[i].awaits);
		assert_int_equal(c.end, waits[i].end);
		/* The first reason counts. */
		client_leave(&c, CLIENT_LOST);
		assert_int_equal(c.end,
		    waits[i].end == CLIENT_STAYS ? CLIENT_LOST : waits[i].end);
		close_client(&c, &peer);
	}
}

/* What is thrown away is none of its commands, however it is cut. */
static void
skips_a_chunk(void **state)
{
	struct party peer;
	struct client c;
	size_t len;

	(void)state;
	open_client(&c, &peer, SMTP_BEHIND_NOTHING);
	client_begin_skip(&c, 6);
	party_say(&peer, (struct text)T("RSE"));
	client_read(&c);
	assert_true(client_is_in_step(&c));
	assert_int_equal(client_skip(&c), 3);
	party_say(&peer, (struct text)T("T\r\nQUIT\r\n"));
	client_read(&c);
	assert_int_equal(client_skip(&c), 3);
	assert_memory_equal(conn_peek(&c.conn, &len), "QUIT\r\n", 6);
	assert_false(client_is_in_step(&c));
	close_client(&c, &peer);
}

static void
says_what_is_due(void **state)
{
	static char lines[] = "550-a\r\n550 b\r\n";
	const struct strbuf refusal = {.data = lines, .len = strlen(lines)};
	struct party peer;
	struct client c;

	(void)state;
	open_client(&c, &peer, SMTP_BEHIND_ANYTHING);
	client_say(&c, ANSWER_NOT_IMPLEMENTED);
	client_use_codes(&c, true);
	client_say(&c, ANSWER_NOT_IMPLEMENTED);
	client_relay(&c, "250 a\0b\rc", 9);
	client_owe(&c, 3);
	client_relay_reply(&c, 550, &refusal);
	client_conclude(&c, ANSWER_LOCAL_ERROR);
	assert_int_equal(c.due, 0);
	told(&c, &peer,
	    "502 Command not implemented\r\n"
	    "502 5.5.1 Command not implemented\r\n250 a?b?c\r\n"
	    "550-a\r\n550 b\r\n451 4.3.0 Local Error\r\n"
	    "451 4.3.0 Local Error\r\n");
	close_client(&c, &peer);
}

static void
has_the_last_word(void **state)
{
	static const struct {
		enum answer word;
		const char *told;
	} words[] = {
	    {ANSWER_NONE, ""},
	    {ANSWER_STOPPING, "421 Shutting down, try again later\r\n"},
	    {ANSWER_NO_MEMORY, "421 Out of memory, try again later\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		int error;
		socklen_t len = sizeof error;
		struct party peer;
		struct client c;

		open_client(&c, &peer, SMTP_BEHIND_ANYTHING);
		party_say(&peer, (struct text)T("NOOP\r\n"));
		client_close(&c, words[i].word);
		/* It has been closed, and not reset by what was unread. */
		assert_int_equal(
		    getsockopt(peer.fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
		if (words[i].word != ANSWER_NO_MEMORY)
			assert_int_equal(error, 0);
		told(&c, &peer, words[i].told);
		party_close(&peer);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_step),
	    cmocka_unit_test(awaits_its_message),
	    cmocka_unit_test(skips_a_chunk),
	    cmocka_unit_test(says_what_is_due),
	    cmocka_unit_test(has_the_last_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
