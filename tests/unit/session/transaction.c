/*
 * The mail transaction: what was accepted, and what DATA is answered.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/transaction.h"

#include "tests/unit/session/pair.h"

#define FROM "C MAIL FROM:<a@b>", "S 250 ok"
#define TO(reply) "C RCPT TO:<c@d>", "S " reply

static const struct {
	const char *title;
	const char *script[14];
	const char *trail; /* of the envelope */
	const char *remote; /* XFORWARD's client */
	int recipients, refused, replies;
	enum answer data;
} cases[] = {
    {"nothing", {"S 220 x"}, "", "", 0, 0, 1, ANSWER_NO_TRANSACTION},
    {"a sender alone", {"S 220 x", FROM}, "from=a@b\n", "", 0, 0, 1,
	ANSWER_NO_TRANSACTION},
    {"one recipient", {"S 220 x", FROM, TO("250 ok")}, "from=a@b\nto=c@d\n", "",
	1, 0, 1, ANSWER_GO},
    {"any 2yz accepts", {"S 220 x", FROM, TO("251 ok"), TO("252 ok")},
	"from=a@b\nto=c@d\nto=c@d\n", "", 2, 0, 1, ANSWER_GO},
    {"refused", {"S 220 x", FROM, TO("550 no"), TO("450 no")}, "from=a@b\n", "",
	0, 2, 1, ANSWER_NO_RECIPIENTS},
    {"one of two", {"S 220 x", FROM, TO("550 no"), TO("250 ok")},
	"from=a@b\nto=c@d\n", "", 1, 1, 1, ANSWER_GO},
    {"a sender that is refused", {"S 220 x", "C MAIL FROM:<a@b>", "S 550 no"},
	"", "", 0, 0, 1, ANSWER_NO_TRANSACTION},
    {"RSET", {"S 220 x", FROM, TO("250 ok"), "C RSET", "S 250 ok"}, "", "", 0,
	0, 1, ANSWER_NO_TRANSACTION},
    {"RSET that is refused",
	{"S 220 x", FROM, TO("250 ok"), "C RSET", "S 500 no"},
	"from=a@b\nto=c@d\n", "", 1, 0, 1, ANSWER_GO},
    {"a new greeting", {"S 220 x", FROM, TO("250 ok"), "C HELO me", "S 250 x"},
	"", "", 0, 0, 1, ANSWER_NO_TRANSACTION},
    {"LMTP",
	{"S 220 x", "C LHLO me", "S 250 x", FROM, TO("250 ok"), TO("250 ok")},
	"from=a@b\nto=c@d\nto=c@d\n", "", 2, 0, 2, ANSWER_GO},
    {"XFORWARD", {"S 220 x", "C XFORWARD ADDR=192.0.2.7", "S 250 ok"}, "",
	"192.0.2.7", 0, 0, 1, ANSWER_NO_TRANSACTION},
    {"XFORWARD that is refused",
	{"S 220 x", "C XFORWARD ADDR=192.0.2.7", "S 550 no"}, "", "", 0, 0, 1,
	ANSWER_NO_TRANSACTION},
    {"a hidden parameter", {"S 220 x", FROM, "C RCPT TO:<c@d> BODY=BINARYMIME"},
	"from=a@b\n", "", 0, 1, 1, ANSWER_NO_RECIPIENTS},
};

static void
keeps_what_was_accepted(void **state)
{
	const struct addr nobody = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text title = {
		    cases[i].title, strlen(cases[i].title)};
		struct pair p = {0};
		const struct envelope *e = &p.s.envelope;

		pair_open(&p, &nobody, NULL);
		(void)pair_play(&p, cases[i].script, COUNT(cases[i].script));
		pair_expect(title.p, &e->trail, cases[i].trail);
		pair_expect(title.p, &e->remote, cases[i].remote);
		expect_number(title, "recipients", (int)e->recipients,
		    cases[i].recipients);
		expect_number(
		    title, "refused", (int)e->refused, cases[i].refused);
		expect_number(title, "DATA", transaction_allows_data(&p.s),
		    cases[i].data);
		expect_number(title, "replies", (int)transaction_replies(&p.s),
		    cases[i].replies);
		pair_close(&p);
	}
}

/* Whoever is redirected to us is a stranger to the server. */
static void
lets_no_stranger_speak_for_others(void **state)
{
	static const char *const script[] = {
	    "S 220 x", "C XFORWARD ADDR=192.0.2.7"};
	const struct addr nobody = {0};
	struct pair p = {.set = {.transparent_proxy = true}};

	(void)state;
	pair_open(&p, &nobody, NULL);
	(void)pair_play(&p, script, COUNT(script));
	pair_expect_heard("", &p.server, "");
	pair_expect_heard("", &p.client,
	    "220 smtp.passthru\r\n502 Command not implemented\r\n");
	pair_close(&p);
}

/* Nobody is accepted for whom there is no room in the log and the hook. */
static void
refuses_what_has_no_room(void **state)
{
	static const struct smtp_command rcpt = {.line = "", .arg = ""};
	const struct addr nobody = {0};
	struct pair p = {0};
	char name[4096];

	(void)state;
	memset(name, 'x', sizeof name);
	memcpy(name, "TO:<", 4);
	name[sizeof name - 1] = '>';
	pair_open(&p, &nobody, NULL);
	assert_true(transaction_allows_path(&p.s, &transaction_rcpt, &rcpt));
	while (p.s.envelope.trail.len < ENVELOPE_TRAIL_MAX - sizeof name)
		envelope_add_recipient(&p.s.envelope, name, sizeof name);
	assert_false(transaction_allows_path(&p.s, &transaction_rcpt,
	    &(struct smtp_command){
		.line = name, .arg = name, .arg_len = sizeof name}));
	client_flush(&p.s.client);
	pair_expect_heard("", &p.client, "452 Too many recipients\r\n");
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_what_was_accepted),
	    cmocka_unit_test(lets_no_stranger_speak_for_others),
	    cmocka_unit_test(refuses_what_has_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
