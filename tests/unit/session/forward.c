/*
 * A message is handed over: what the server gets, what the client is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/forward.h"

#include "tests/unit/session/pair.h"

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

/* WIRE is handed over to a server with these steps, and client_owe was said. */
static enum forward_outcome
hand_over(struct pair *p, const struct party_step *steps,
    const struct stamp_mark *mark, unsigned long due,
    struct forward_report *report)
{
	const struct addr nobody = {0};
	struct content content;
	enum forward_outcome outcome;

	p->set.header = "X: y";
	content_open(&content, "/tmp", NULL, false);
	(void)content_take(&content, WIRE, strlen(WIRE));
	content_finish(&content);
	pair_open(p, &nobody, steps);
	watch_begin_budget(&p->s.watch, FORWARD_BUDGET_MS);
	client_owe(&p->s.client, due);
	outcome = forward_message(&p->s, &content, mark, report);
	client_flush(&p->s.client);
	content_close(&content);
	return outcome;
}

static void
end(struct pair *p, struct forward_report *report)
{
	pair_close(p);
	strbuf_free(&report->reply);
	strbuf_free(&report->acceptance);
}

static void
hands_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct stamp_mark mark = {cases[i].mark, "Worm"};
		struct forward_report report = {0};
		struct pair p = {0};

		assert_int_equal(
		    hand_over(&p, cases[i].steps, &mark, 0, &report),
		    cases[i].outcome);
		assert_int_equal(
		    p.s.upstream.lost != UPSTREAM_THERE, cases[i].lost);
		if (!cases[i].lost)
			assert_int_equal(upstream_flush(&p.s.upstream), IO_OK);
		pair_expect_heard(cases[i].title, &p.client, cases[i].told);
		pair_expect(cases[i].title, &report.reply, cases[i].refusal);
		party_listen(&p.server);
		if (cases[i].heard != NULL)
			pair_expect(
			    cases[i].title, &p.server.heard, cases[i].heard);
		else /* in part, but never its end */
			assert_null(
			    strstr(strbuf_str(&p.server.heard), "\r\n.\r\n"));
		end(&p, &report);
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
	const struct stamp_mark mark = {STAMP_SCANNED, NULL};

	(void)state;
	for (size_t i = 0; i < COUNT(of_three); i++) {
		struct forward_report report = {0};
		struct pair p = {0};

		assert_int_equal(
		    hand_over(&p, of_three[i].steps, &mark, 3, &report),
		    of_three[i].outcome);
		assert_int_equal(report.accepted, of_three[i].accepted);
		assert_int_equal(p.s.client.due, 0);
		pair_expect_heard(
		    of_three[i].title, &p.client, of_three[i].told);
		end(&p, &report);
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
