/*
 * A message is handed over: what the server gets, what the client is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/forward.h"

#include "common/conn_out.h"
#include "src/session/client_out.h"
#include "src/session/upstream_own.h"
#include "tests/unit/party.h"

#define WIRE "A: b\r\n\r\n..dot\r\n.\r\n" /* as the client sends it */
#define MESSAGE "DATA\r\nA: b\r\nX: y\r\n\r\n..dot\r\n"
#define MARKED                                                                 \
	"DATA\r\nA: b\r\nX-Virus-Infected: Virus Detected!\r\n"                \
	"X-Virus-Status: infected (Worm)\r\n\r\n..dot\r\n"
#define GO "354 go\r\n"
#define LOCAL_ERROR "451 Local Error\r\n"

static const struct {
	const char *title;
	struct party_step steps[4]; /* of the server */
	enum stamp_kind mark;
	enum forward_outcome outcome;
	bool lost; /* the server, afterwards */
	const char *heard; /* by the server */
	const char *told; /* to the client */
	const char *refusal;
} cases[] = {
    {"accepted", {{PARTY_SAY, T(GO)}, {PARTY_SAY, T("250 mine\r\n")}},
	STAMP_SCANNED, FORWARD_ACCEPTED, false, MESSAGE ".\r\n", "250 mine\r\n",
	""},
    {"accepted in two lines",
	{{PARTY_SAY, T(GO)}, {PARTY_SAY, T("250-it\r\n")},
	    {PARTY_SAY, T("250 is\r\n")}},
	STAMP_SCANNED, FORWARD_ACCEPTED, false, MESSAGE ".\r\n",
	"250-it\r\n250 is\r\n", ""},
    {"marked", {{PARTY_SAY, T(GO)}, {PARTY_SAY, T("250 mine\r\n")}},
	STAMP_INFECTED, FORWARD_ACCEPTED, false, MARKED ".\r\n", "250 mine\r\n",
	""},
    {"refused", {{PARTY_SAY, T(GO)}, {PARTY_SAY, T("554 no\r\n")}},
	STAMP_SCANNED, FORWARD_REFUSED, false, MESSAGE ".\r\n", "554 no\r\n",
	"554 no"},
    {"refused at DATA", {{PARTY_SAY, T("452 full\r\n")}}, STAMP_SCANNED,
	FORWARD_REFUSED, false, "DATA\r\nRSET\r\n", "452 full\r\n", "452 full"},
    {"leaves at DATA", {{PARTY_SAY, T("421 bye\r\n")}}, STAMP_SCANNED,
	FORWARD_REFUSED, true, "DATA\r\n", "421 bye\r\n", "421 bye"},
    {"refused before its end", {{PARTY_SAY, T(GO "552 too much\r\n")}},
	STAMP_SCANNED, FORWARD_REFUSED, true, NULL, "552 too much\r\n",
	"552 too much"},
    /* A promise before all is there is none. */
    {"accepted before its end", {{PARTY_SAY, T(GO "250 mine\r\n")}},
	STAMP_SCANNED, FORWARD_FAILED, true, NULL, LOCAL_ERROR, "250 mine"},
    {"accepted at DATA", {{PARTY_SAY, T("250 mine\r\n")}}, STAMP_SCANNED,
	FORWARD_FAILED, true, "DATA\r\n", LOCAL_ERROR, "250 mine"},
    {"nonsense", {{PARTY_SAY, T(GO)}, {PARTY_SAY, T("what?\r\n")}},
	STAMP_SCANNED, FORWARD_FAILED, true, MESSAGE ".\r\n", LOCAL_ERROR,
	"what?"},
    {"silent at DATA", {{PARTY_END, T("")}}, STAMP_SCANNED, FORWARD_FAILED,
	true, "DATA\r\n", LOCAL_ERROR, ""},
    {"silent at the end", {{PARTY_SAY, T(GO)}}, STAMP_SCANNED, FORWARD_FAILED,
	true, MESSAGE ".\r\n", LOCAL_ERROR, ""},
    {"gone at the end", {{PARTY_SAY, T(GO)}, {PARTY_LEAVE, T("")}},
	STAMP_SCANNED, FORWARD_FAILED, true, MESSAGE ".\r\n", LOCAL_ERROR, ""},
};

static void
open_session(struct session *s, struct party *client, struct party *server,
    const struct party_step *steps)
{
	static const struct party_step nothing[] = {{PARTY_END, T("")}};
	const struct addr nobody = {0};
	const int timeout_ms = s->set->timeout_ms;

	client_open(&s->client, party_open(client, nothing), &nobody,
	    &client->waiter, timeout_ms);
	conn_open(&s->upstream.conn, "SERVER", party_open(server, steps),
	    &server->waiter, timeout_ms);
	watch_open(&s->watch, &s->client, &s->upstream, -1, timeout_ms, 0);
	watch_begin_budget(&s->watch, FORWARD_BUDGET_MS);
}

static void
expect(const char *title, const struct strbuf *got, const char *want)
{
	expect_text((struct text){title, strlen(title)}, strbuf_str(got),
	    got->len, (struct text){want, strlen(want)});
}

static void
hands_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings set = {.header = "X: y", .timeout_ms = 60000};
		struct session s = {.set = &set};
		struct party client, server;
		struct forward_report report = {0};
		struct content content;
		const struct stamp_mark mark = {cases[i].mark, "Worm"};

		content_open(&content, "/tmp", NULL, false);
		(void)content_take(&content, WIRE, strlen(WIRE));
		content_finish(&content);
		open_session(&s, &client, &server, cases[i].steps);
		assert_int_equal(forward_message(&s, &content, &mark, &report),
		    cases[i].outcome);
		assert_int_equal(
		    s.upstream.lost != UPSTREAM_THERE, cases[i].lost);
		if (!cases[i].lost)
			assert_int_equal(upstream_flush(&s.upstream), IO_OK);
		client_flush(&s.client);
		party_listen(&server);
		party_listen(&client);
		expect(cases[i].title, &client.heard, cases[i].told);
		expect(cases[i].title, &report.reply, cases[i].refusal);
		if (cases[i].heard != NULL)
			expect(cases[i].title, &server.heard, cases[i].heard);
		else /* in part, but never its end */
			assert_null(
			    strstr(strbuf_str(&server.heard), "\r\n.\r\n"));
		content_close(&content);
		upstream_close(&s.upstream);
		conn_close(&s.client.conn);
		party_close(&client);
		party_close(&server);
		strbuf_free(&report.reply);
		strbuf_free(&report.acceptance);
	}
}

/* LMTP: each recipient has the server's own word, or 451. */
static const struct {
	const char *title;
	struct party_step steps[4];
	enum forward_outcome outcome;
	unsigned long accepted;
	const char *told;
} of_three[] = {
    {"each its own",
	{{PARTY_SAY, T(GO)}, {PARTY_SAY, T("250 a\r\n550-b\r\n550 b\r\n")},
	    {PARTY_SAY, T("250 c\r\n")}},
	FORWARD_ACCEPTED, 2, "250 a\r\n550-b\r\n550 b\r\n250 c\r\n"},
    {"none",
	{{PARTY_SAY, T(GO)}, {PARTY_SAY, T("450 a\r\n550 b\r\n550 c\r\n")}},
	FORWARD_REFUSED, 0, "450 a\r\n550 b\r\n550 c\r\n"},
    {"gone",
	{{PARTY_SAY, T(GO)}, {PARTY_SAY, T("250 a\r\n")}, {PARTY_LEAVE, T("")}},
	FORWARD_FAILED, 1, "250 a\r\n" LOCAL_ERROR LOCAL_ERROR},
    {"silent", {{PARTY_SAY, T(GO)}, {PARTY_SAY, T("250 a\r\n250-")}},
	FORWARD_FAILED, 1, "250 a\r\n" LOCAL_ERROR LOCAL_ERROR},
    {"goodbye",
	{{PARTY_SAY, T(GO)}, {PARTY_SAY, T("250 a\r\n421 b\r\n250 c\r\n")}},
	FORWARD_ACCEPTED, 1, "250 a\r\n421 b\r\n" LOCAL_ERROR},
    {"nonsense",
	{{PARTY_SAY, T(GO)}, {PARTY_SAY, T("250 a\r\n?\r\n250 c\r\n")}},
	FORWARD_FAILED, 1, "250 a\r\n" LOCAL_ERROR LOCAL_ERROR},
    {"refused at DATA", {{PARTY_SAY, T("452 full\r\n")}}, FORWARD_REFUSED, 0,
	"452 full\r\n452 full\r\n452 full\r\n"},
    {"accepted at DATA", {{PARTY_SAY, T("250 mine\r\n")}}, FORWARD_FAILED, 0,
	LOCAL_ERROR LOCAL_ERROR LOCAL_ERROR},
};

static void
answers_for_each_recipient(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(of_three); i++) {
		struct settings set = {.header = "X: y", .timeout_ms = 60000};
		struct session s = {.set = &set};
		const struct stamp_mark mark = {STAMP_SCANNED, NULL};
		struct forward_report report = {0};
		struct party client, server;
		struct content content;

		content_open(&content, "/tmp", NULL, false);
		(void)content_take(&content, WIRE, strlen(WIRE));
		content_finish(&content);
		open_session(&s, &client, &server, of_three[i].steps);
		client_owe(&s.client, 3);
		assert_int_equal(forward_message(&s, &content, &mark, &report),
		    of_three[i].outcome);
		assert_int_equal(report.accepted, of_three[i].accepted);
		assert_int_equal(s.client.due, 0);
		client_flush(&s.client);
		party_listen(&client);
		expect(of_three[i].title, &client.heard, of_three[i].told);
		content_close(&content);
		upstream_close(&s.upstream);
		conn_close(&s.client.conn);
		party_close(&client);
		party_close(&server);
		strbuf_free(&report.reply);
		strbuf_free(&report.acceptance);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hands_over),
	    cmocka_unit_test(answers_for_each_recipient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
