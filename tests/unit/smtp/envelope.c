/*
 * The envelope: addresses and XFORWARD.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/envelope.h"

#include "tests/unit/unit.h"

struct address_case {
	struct text arg; /* behind FROM or TO */
	struct text address;
};

/* As 1.10 recorded them, behind "MAIL FROM" or "RCPT TO". */
static const struct address_case address_cases[] = {
    {T(":<a@b>"), T("a@b")},
    {T(": <a@b>"), T("a@b")},
    {T(" :<a@b>"), T("a@b")},
    {T("::: <a@b>"), T("a@b")},
    {T("\t<a@b>"), T("a@b")},
    {T(" <a@b>"), T("a@b")},
    {T(":<a@b> SIZE=1 BODY=8BITMIME"), T("a@b")},
    {T(":<a@b>junk"), T("a@b")},
    {T(":<>"), T("<>")},
    {T(":<> SIZE=1"), T("<>")},
    {T(":<@r1,@r2:a@b>"), T("@r1,@r2:a@b")},
    {T(":<\"q>r\"@c>"), T("\"q")},
    {T(":<<a@b>>"), T("<a@b")},
    {T(":<a@b"), T("<a@b")},
    {T(":<"), T("<")},
    {T(":< a@b >"), T(" a@b ")},
    {T(":a@b"), T("a@b")},
    {T(":a@b SIZE=1"), T("a@b SIZE=1")},
    {T(":Name <n@x>"), T("Name <n@x>")},
    {T(": ,<x>"), T(",<x>")},
    {T(":<\303\251@b>"), T("\303\251@b")},
    {T(":"), T("")},
    {T(": "), T("")},
    /* None of these names an address. */
    {T(""), T("")},
    {T("<a@b>"), T("")},
    {T("X:<a@b>"), T("")},
    {T("=<a@b>"), T("")},
};

static void
expect_sender(struct text in, const struct envelope *e, struct text want)
{
	struct strbuf got = {0};

	envelope_get_sender(e, &got);
	expect_text(in, strbuf_str(&got), got.len, want);
	strbuf_free(&got);
}

static void
expect_recipients(struct text in, const struct envelope *e, struct text want)
{
	struct strbuf got = {0};

	envelope_get_recipients(e, &got);
	expect_text(in, strbuf_str(&got), got.len, want);
	strbuf_free(&got);
}

static void
finds_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(address_cases); i++) {
		const struct address_case *c = &address_cases[i];
		struct envelope e = {0};
		char from[64] = "fRoM", to[64] = "tO";

		memcpy(from + 4, c->arg.p, c->arg.len);
		memcpy(to + 2, c->arg.p, c->arg.len);
		envelope_add_sender(&e, from, 4 + c->arg.len);
		envelope_add_recipient(&e, to, 2 + c->arg.len);
		assert_int_equal(e.recipients, 1);
		expect_sender(c->arg, &e, c->address);
		expect_recipients(c->arg, &e, c->address);
		envelope_clear(&e);
	}
}

static void
add_sender(struct envelope *e, const char *arg)
{
	envelope_add_sender(e, arg, strlen(arg));
}

static void
add_recipient(struct envelope *e, const char *arg)
{
	envelope_add_recipient(e, arg, strlen(arg));
}

static void
other_words_name_nobody(void **state)
{
	static const char *const words[] = {
	    "", "FRO:<a@b>", "TO", "FORM:<a@b>", "<a@b>", " FROM:<a@b>"};
	const struct text nobody = T("");
	struct envelope e = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		add_sender(&e, words[i]);
		add_recipient(&e, words[i]);
		expect_sender(nobody, &e, nobody);
		expect_recipients(nobody, &e, nobody);
	}
	assert_int_equal(e.recipients, COUNT(words));
	envelope_clear(&e);
}

static void
collects_what_was_accepted(void **state)
{
	const struct text in = T("two senders, three recipients");
	struct envelope e = {0};

	(void)state;
	add_sender(&e, "FROM:<first@a>");
	add_recipient(&e, "TO:<a@b>");
	add_recipient(&e, "TO:<c@d>");
	envelope_refuse_recipient(&e);
	add_sender(&e, "FROM:<last@a>");
	add_recipient(&e, "TO:e@f");
	expect_sender(in, &e, (struct text)T("last@a"));
	expect_recipients(in, &e, (struct text)T("a@b\nc@d\ne@f"));
	assert_int_equal(e.recipients, 3);
	assert_int_equal(e.refused, 1);
	envelope_clear(&e);
	assert_int_equal(e.recipients, 0);
	assert_int_equal(e.refused, 0);
	expect_sender(in, &e, (struct text)T(""));
	expect_recipients(in, &e, (struct text)T(""));
	envelope_clear(&e);
}

/* An address that looks like a part is not taken for one. */
static void
addresses_stay_what_they_are(void **state)
{
	const struct text in = T("to=x and from=y");
	struct envelope e = {0};

	(void)state;
	add_sender(&e, "FROM:to=x");
	add_recipient(&e, "TO:from=y");
	expect_sender(in, &e, (struct text)T("to=x"));
	expect_recipients(in, &e, (struct text)T("from=y"));
	envelope_clear(&e);
}

static void
is_full_at_its_limit(void **state)
{
	struct envelope e = {0};
	char arg[1003];
	size_t total = 0;

	(void)state;
	assert_false(envelope_is_full(&e, ENVELOPE_TRAIL_MAX));
	assert_true(envelope_is_full(&e, ENVELOPE_TRAIL_MAX + 1));
	memset(arg, 'a', sizeof arg);
	memcpy(arg, "TO:", 3);
	while (!envelope_is_full(&e, sizeof arg)) {
		envelope_add_recipient(&e, arg, sizeof arg);
		total += sizeof arg - 3;
		assert_true(total <= ENVELOPE_TRAIL_MAX);
	}
	/* "to=" and a line end, for each, count as well. */
	assert_true(total > ENVELOPE_TRAIL_MAX - 8192);
	envelope_clear(&e);
	assert_false(envelope_is_full(&e, sizeof arg));
}

struct xforward_case {
	struct text arg;
	const char *remote;
	const char *helo;
};

/* Postfix XFORWARD_README; RFC 3461 4. */
static const struct xforward_case xforward_cases[] = {
    {T("ADDR=192.0.2.1"), "192.0.2.1", ""},
    {T("HELO=host.example.org"), "", "host.example.org"},
    {T("NAME=n ADDR=192.0.2.1 PROTO=ESMTP HELO=h"), "192.0.2.1", "h"},
    {T("HELO=h ADDR=192.0.2.1"), "192.0.2.1", "h"},
    {T("ADDR=192.0.2.1 HELO=h"), "192.0.2.1", "h"},
    {T("ADDR=192.0.2.1\tHELO=h"), "192.0.2.1", "h"},
    {T("  ADDR=192.0.2.1   HELO=h  "), "192.0.2.1", "h"},
    {T("addr=192.0.2.1 Helo=H"), "192.0.2.1", "H"},
    {T("ADDR=1 ADDR=2"), "2", ""},
    {T("ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE]"), "", ""},
    {T("ADDR=1 HELO=h ADDR=[UNAVAILABLE]"), "", "h"},
    {T("ADDR=IPV6:2001:db8::1"), "2001:db8::1", ""},
    {T("ADDR=ipv6:::1 HELO=IPV6:::1"), "::1", "IPV6:::1"},
    {T("HELO=[192.0.2.1]"), "", "192.0.2.1"},
    {T("HELO=a=b"), "", "a=b"},
    /* Other attributes, however they look. */
    {T("XADDR=9.9.9.9"), "", ""},
    {T("NAME=ADDR=8.8.8.8"), "", ""},
    {T("ADDRESS=1 HELOX=2"), "", ""},
    {T("ADDR HELO"), "", ""},
    {T("ADDR= HELO="), "", ""},
    {T(""), "", ""},
    {T("  "), "", ""},
    /* xtext: two digits in capitals. */
    {T("HELO=a+2Bb"), "", "a+b"},
    {T("HELO=+41+42"), "", "AB"},
    {T("HELO=a+20b+3D"), "", "a b="},
    {T("HELO=a+2bb"), "", "a+2bb"},
    {T("HELO=a+2"), "", "a+2"},
    {T("HELO=a+"), "", "a+"},
    {T("HELO=+"), "", "+"},
    {T("HELO=+GG"), "", "+GG"},
    {T("HELO=+C3+A9"), "", "\303\251"},
    /* No control octets come of it. */
    {T("HELO=a+0D+0Ab"), "", "a??b"},
    {T("HELO=a+00b"), "", "a?b"},
    {T("HELO=a+7Fb"), "", "a?b"},
    {T("HELO=a\001b\033\177"), "", "a?b??"},
    {T("HELO=a\0b"), "", "a?b"},
};

static void
reads_xforward(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(xforward_cases); i++) {
		const struct xforward_case *c = &xforward_cases[i];
		struct envelope e = {0};

		envelope_add_xforward(&e, c->arg.p, c->arg.len);
		expect_text(c->arg, strbuf_str(&e.remote), e.remote.len,
		    (struct text){c->remote, strlen(c->remote)});
		expect_text(c->arg, strbuf_str(&e.remote_helo),
		    e.remote_helo.len, (struct text){c->helo, strlen(c->helo)});
		envelope_clear(&e);
	}
}

static void
reads_the_ident(void **state)
{
	struct envelope e = {0};

	(void)state;
	envelope_add_xforward(&e, "IDENT=4X+2Bz XIDENT=no", 22);
	assert_string_equal(strbuf_str(&e.remote_ident), "4X+z");
	envelope_add_xforward(&e, "IDENT=[UNAVAILABLE]", 19);
	assert_string_equal(strbuf_str(&e.remote_ident), "");
	envelope_clear(&e);
}

static void
reads_nothing_behind_the_argument(void **state)
{
	struct envelope e = {0};

	(void)state;
	envelope_add_xforward(&e, "HELO=a+2B", 8);
	assert_string_equal(strbuf_str(&e.remote_helo), "a+2");
	envelope_add_xforward(&e, "HELO=a+2B", 7);
	assert_string_equal(strbuf_str(&e.remote_helo), "a+");
	envelope_clear(&e);
}

static void
later_xforward_overrides(void **state)
{
	struct envelope e = {0};

	(void)state;
	envelope_add_xforward(&e, "ADDR=1 HELO=a", 13);
	envelope_add_xforward(&e, "ADDR=2", 6);
	assert_string_equal(strbuf_str(&e.remote), "2");
	assert_string_equal(strbuf_str(&e.remote_helo), "a");
	envelope_clear(&e);
	assert_string_equal(strbuf_str(&e.remote), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_addresses),
	    cmocka_unit_test(other_words_name_nobody),
	    cmocka_unit_test(collects_what_was_accepted),
	    cmocka_unit_test(addresses_stay_what_they_are),
	    cmocka_unit_test(is_full_at_its_limit),
	    cmocka_unit_test(reads_xforward),
	    cmocka_unit_test(reads_the_ident),
	    cmocka_unit_test(reads_nothing_behind_the_argument),
	    cmocka_unit_test(later_xforward_overrides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
