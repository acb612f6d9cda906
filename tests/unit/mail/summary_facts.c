/*
 * The facts behind a summary's status, and who splits the line at ", key=".
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/strutil.h"
#include "src/mail/summary.h"
#include "tests/unit/unit.h"

static const char *const keys[] = {"from", "to", "status", "reply", "action",
    "skip", "refused", "virus", "size", "scan", "clamd", "client", "helo",
    "msgid", "ident", "queue", "server"};

#define PARTS_MAX 32

struct part {
	const char *key;
	char value[SUMMARY_MAX + SUMMARY_FACTS_MAX];
};

/* The key that s begins with, with its '=', or NULL. */
static const char *
key_at(const char *s)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		size_t n = strlen(keys[i]);

		if (strncmp(s, keys[i], n) == 0 && s[n] == '=')
			return keys[i];
	}
	return NULL;
}

/* As an administrator's script would: split at every ", key=". */
static size_t
split(const char *line, struct part parts[PARTS_MAX])
{
	size_t n = 0, len = 0;

	for (const char *p = line; *p != '\0'; p++) {
		const char *key = NULL;

		if (p == line)
			key = key_at(p);
		else if (p[0] == ',' && p[1] == ' ')
			key = key_at(p + 2);
		if (key == NULL) {
			assert_true(n > 0);
			parts[n - 1].value[len++] = *p;
			parts[n - 1].value[len] = '\0';
			continue;
		}
		assert_true(n < PARTS_MAX);
		parts[n].key = key;
		parts[n++].value[0] = '\0';
		len = 0;
		p += (p == line ? 0 : 2) + strlen(key);
	}
	return n;
}

static void
facts_are_told_in_their_order(void **state)
{
	const struct summary_facts f = {.action = SUMMARY_DISCARDED,
	    .skip = "client",
	    .refused = 2,
	    .recipients = 3,
	    .virus = "Eicar",
	    .size = 4711,
	    .scanned = true,
	    .scan_ms = 12,
	    .clamd = "/run/clamd",
	    .client = "192.0.2.1",
	    .helo = "mx.example",
	    .message_id = "<1@x>y",
	    .message_id_len = 5,
	    .ident = "4XYZ",
	    .queue_id = "ABC and more",
	    .queue_id_len = 3,
	    .upstream = "127.0.0.1:25"};
	struct envelope e = {0};
	struct summary s = {0};
	struct strbuf out = {0};

	(void)state;
	envelope_add_sender(&e, "FROM:<a@b>", 10);
	envelope_add_recipient(&e, "TO:<c@d>", 8);
	summary_note(&s, SUMMARY_VIRUS, "Eicar");
	summary_line(&s, &f, &e, &out);
	assert_string_equal(strbuf_str(&out),
	    "from=a@b, to=c@d, status=VIRUS:Eicar, action=discarded, "
	    "skip=client, refused=2/3, virus=Eicar, size=4711, scan=12ms, "
	    "clamd=/run/clamd, client=192.0.2.1, helo=mx.example, "
	    "msgid=<1@x>, ident=4XYZ, queue=ABC, server=127.0.0.1:25");
	envelope_clear(&e);
	summary_free(&s);
	strbuf_free(&out);
}

static void
only_what_is_known_is_told(void **state)
{
	const struct summary_facts f = {.helo = "", .scanned = true};
	struct envelope e = {0};
	struct summary s = {0};
	struct strbuf out = {0};

	(void)state;
	summary_line(&s, &f, &e, &out);
	assert_string_equal(strbuf_str(&out), "size=0, scan=0ms");
	strbuf_free(&out);
}

/* Texts that are made of what separates parts. */
static void
make_text(uint64_t *seed, char *text, size_t max)
{
	static const char *const pieces[] = {", ", ",", " ", "=", "action",
	    "to=", "size=0", "status=CLEAN", "queue=", "\t", "\r", "\033[1m",
	    "\302\205", "<", ">", "x", "@", "\"", "\\"};
	size_t count = random_below(seed, 12);

	text[0] = '\0';
	while (count-- > 0) {
		const char *piece = pieces[random_below(seed, COUNT(pieces))];

		if (strlen(text) + strlen(piece) < max)
			strcat(text, piece);
	}
}

static void
expect_masked(const struct part *p, const char *key, const char *text)
{
	char want[512];

	snprintf(want, sizeof want, "%s", text);
	for (char *c = want; *c != '\0'; c++)
		if (*c == ' ' || *c == ',')
			*c = '?';
	str_mask_controls(want, strlen(want));
	assert_string_equal(p->key, key);
	assert_string_equal(p->value, want);
}

#define TEXT_MAX 60

struct hostile {
	char sender[TEXT_MAX], recipient[TEXT_MAX], detail[TEXT_MAX];
	char facts[7][TEXT_MAX];
};

static void
write_hostile(const struct hostile *h, bool refused, struct strbuf *out)
{
	const struct summary_facts f = {.action = SUMMARY_PASSED,
	    .virus = h->facts[0],
	    .clamd = h->facts[1],
	    .client = h->facts[2],
	    .helo = h->facts[3],
	    .message_id = h->facts[4],
	    .message_id_len = strlen(h->facts[4]),
	    .ident = h->facts[5],
	    .upstream = h->facts[6]};
	struct envelope e = {0};
	struct summary s = {0};
	char arg[TEXT_MAX + 16];

	snprintf(arg, sizeof arg, "FROM:<x%s>", h->sender);
	envelope_add_sender(&e, arg, strlen(arg));
	snprintf(arg, sizeof arg, "TO:<x%s>", h->recipient);
	envelope_add_recipient(&e, arg, strlen(arg));
	summary_note(
	    &s, refused ? SUMMARY_UPSTREAM_REFUSED : SUMMARY_VIRUS, h->detail);
	summary_line(&s, &f, &e, out);
	/* As log_write does. */
	str_mask_controls(out->data, out->len);
	envelope_clear(&e);
	summary_free(&s);
}

static void
nothing_from_outside_looks_like_a_part(void **state)
{
	static const char *const told[] = {
	    "virus", "clamd", "client", "helo", "msgid", "ident", "server"};
	static struct part parts[PARTS_MAX];
	uint64_t seed = 20261128;
	struct strbuf out = {0};

	(void)state;
	for (int round = 0; round < 20000; round++) {
		bool refused = round % 2 == 0;
		struct hostile h;
		size_t n = 0, count;

		make_text(&seed, h.sender, TEXT_MAX);
		make_text(&seed, h.recipient, TEXT_MAX);
		make_text(&seed, h.detail, TEXT_MAX);
		for (size_t i = 0; i < COUNT(told); i++)
			make_text(&seed, h.facts[i], TEXT_MAX);
		write_hostile(&h, refused, &out);
		count = split(strbuf_str(&out), parts);
		assert_string_equal(parts[n++].key, "from");
		assert_string_equal(parts[n++].key, "to");
		assert_string_equal(parts[n++].key, "status");
		if (refused)
			assert_string_equal(parts[n++].key, "reply");
		expect_masked(&parts[n++], "action", "passed");
		for (size_t i = 0; i < COUNT(told); i++) {
			if (i == 1)
				expect_masked(&parts[n++], "size", "0");
			if (h.facts[i][0] != '\0')
				expect_masked(&parts[n++], told[i], h.facts[i]);
		}
		assert_int_equal(n, count);
	}
	strbuf_free(&out);
}

/* However long all is: what is new has a bound of its own. */
static void
facts_push_no_recipient_out(void **state)
{
	static char long_text[5000];
	struct summary_facts f = {.action = SUMMARY_FORWARDED,
	    .skip = long_text,
	    .refused = ~0UL,
	    .recipients = ~0UL,
	    .virus = long_text,
	    .size = ~0ULL,
	    .scanned = true,
	    .scan_ms = ~0ULL,
	    .clamd = long_text,
	    .client = long_text,
	    .helo = long_text,
	    .message_id = long_text,
	    .message_id_len = sizeof long_text - 1,
	    .ident = long_text,
	    .queue_id = long_text,
	    .queue_id_len = sizeof long_text - 1,
	    .upstream = long_text};
	struct envelope e = {0};
	struct summary s = {0};
	struct strbuf with = {0}, without = {0};
	size_t old;

	(void)state;
	memset(long_text, 'v', sizeof long_text - 1);
	for (int i = 0; i < 100; i++)
		envelope_add_recipient(&e, "TO:<recipient@example.org>", 26);
	summary_note(&s, SUMMARY_CLEAN, NULL);
	summary_line(&s, &f, &e, &with);
	f = (struct summary_facts){0};
	summary_line(&s, &f, &e, &without);
	old = without.len - strlen(", size=0");
	assert_memory_equal(with.data, without.data, old);
	assert_true(with.len - old > SUMMARY_FACTS_MAX / 2);
	assert_true(with.len - old <= SUMMARY_FACTS_MAX);
	assert_non_null(strstr(with.data, "vvv..., helo=vvv"));
	assert_string_equal(with.data + with.len - 4, "v...");
	envelope_clear(&e);
	summary_free(&s);
	strbuf_free(&with);
	strbuf_free(&without);
}

static void
outcomes_are_those_of_the_status(void **state)
{
	static const struct {
		enum summary_status status;
		struct summary_facts facts;
		enum outcome outcome;
	} cases[] = {
	    {SUMMARY_CLEAN, {0}, OUTCOME_CLEAN},
	    {SUMMARY_VIRUS, {.action = SUMMARY_PASSED}, OUTCOME_INFECTED},
	    {SUMMARY_OVERSIZE, {.action = SUMMARY_PASSED}, OUTCOME_OVERSIZE},
	    {SUMMARY_UNSCANNED, {0}, OUTCOME_UNSCANNED},
	    {SUMMARY_SKIPPED, {0}, OUTCOME_SKIPPED},
	    {SUMMARY_CLAMAV_ERROR, {0}, OUTCOME_FAILED},
	    {SUMMARY_BARE_NEWLINE, {0}, OUTCOME_REFUSED},
	    {SUMMARY_UPSTREAM_REFUSED, {0}, OUTCOME_REFUSED},
	    {SUMMARY_UPSTREAM_ERROR, {0}, OUTCOME_FAILED},
	    {SUMMARY_CLIENT_GONE, {0}, OUTCOME_ABORTED},
	    {SUMMARY_NONE, {.action = SUMMARY_DEFERRED}, OUTCOME_FAILED},
	    {SUMMARY_NONE, {.action = SUMMARY_LEFT}, OUTCOME_ABORTED},
	    {SUMMARY_NONE, {.action = SUMMARY_DEFERRED, .stopped = true},
		OUTCOME_ABORTED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct summary s = {0};

		summary_note(&s, cases[i].status, NULL);
		assert_int_equal(
		    summary_outcome(&s, &cases[i].facts), cases[i].outcome);
		summary_free(&s);
	}
}

static void
actions_are_those_of_the_reply(void **state)
{
	(void)state;
	assert_int_equal(summary_action_of(250), SUMMARY_DISCARDED);
	assert_int_equal(summary_action_of(451), SUMMARY_DEFERRED);
	assert_int_equal(summary_action_of(554), SUMMARY_REJECTED);
	assert_int_equal(summary_action_of(0), SUMMARY_LEFT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(facts_are_told_in_their_order),
	    cmocka_unit_test(only_what_is_known_is_told),
	    cmocka_unit_test(nothing_from_outside_looks_like_a_part),
	    cmocka_unit_test(facts_push_no_recipient_out),
	    cmocka_unit_test(outcomes_are_those_of_the_status),
	    cmocka_unit_test(actions_are_those_of_the_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
