/*
 * Who is not scanned: how it is written, and whom it fits.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/exempt.h"

#include <arpa/inet.h>
#include <errno.h>

#include "tests/unit/unit.h"

static struct exempt_rules
read_rules(const char *const *values)
{
	struct exempt_rules r = {0};

	for (; *values != NULL; values++)
		assert_int_equal(exempt_add(&r, *values), 0);
	return r;
}

static void
reads_rules(void **state)
{
	static const char *const values[] = {"client 192.0.2.0/24",
	    "CLIENT\t2001:db8::/32", "sender *@example.org",
	    "Recipient  two words ", "authenticated", "sender <>", NULL};
	static const enum exempt by[] = {EXEMPT_CLIENT, EXEMPT_CLIENT,
	    EXEMPT_SENDER, EXEMPT_RECIPIENT, EXEMPT_AUTHENTICATED,
	    EXEMPT_SENDER};
	struct exempt_rules r = read_rules(values);

	(void)state;
	assert_int_equal(r.count, COUNT(by));
	for (size_t i = 0; i < COUNT(by); i++)
		assert_int_equal(r.list[i].by, by[i]);
	assert_string_equal(r.list[2].pattern, "*@example.org");
	assert_string_equal(r.list[3].pattern, "two words ");
	assert_string_equal(r.list[5].pattern, "<>");
	exempt_free(&r);
	assert_int_equal(r.count, 0);
	exempt_free(&r);
}

static void
refuses_what_is_no_rule(void **state)
{
	static const struct {
		const char *value;
		int error;
	} wrong[] = {{"", EINVAL}, {"client", EINVAL}, {"sender", EINVAL},
	    {"recipient ", EINVAL}, {"authenticated yes", EINVAL},
	    {"authenticate", EINVAL}, {"192.0.2.1", EINVAL},
	    {"client example.org", EINVAL}, {"client 192.0.2.0/33", EINVAL},
	    {"client 192.0.2.1/24", EDOM},
	    {"client 192.0.2.1, 192.0.2.2", EINVAL}, {"from a@b", EINVAL},
	    {"sender: a@b", EINVAL}, {" sender a", EINVAL}};
	struct exempt_rules r = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		errno = 0;
		assert_int_equal(exempt_add(&r, wrong[i].value), -1);
		assert_int_equal(errno, wrong[i].error);
		assert_int_equal(r.count, 0);
	}
	exempt_free(&r);
}

/* A client at this IPv4 address; of a socket's path when it is "unix". */
static struct addr
client_at(const char *ip)
{
	struct addr a = {.len = sizeof a.u.in, .u.in.sin_family = AF_INET};

	if (strcmp(ip, "unix") == 0)
		a = (struct addr){
		    .len = sizeof a.u.sa.sa_family, .u.sa.sa_family = AF_UNIX};
	else
		assert_int_equal(inet_pton(AF_INET, ip, &a.u.in.sin_addr), 1);
	return a;
}

#define NETS "client 192.0.2.0/24"
#define ONE "recipient one@*"
#define TWO "recipient two@*"

static const struct {
	const char *rules[4];
	const char *client; /* NULL: gone */
	bool authenticated;
	const char *senders[3], *recipients[4]; /* arguments */
	enum exempt by;
} cases[] = {
    {{NULL}, "192.0.2.1", true, {"FROM:<a@b>"}, {"TO:<c@d>"}, EXEMPT_NOT},
    /* The client. */
    {{NETS}, "192.0.2.1", false, {"FROM:<a@b>"}, {"TO:<c@d>"}, EXEMPT_CLIENT},
    {{NETS}, "192.0.3.1", true, {"FROM:<a@b>"}, {"TO:<c@d>"}, EXEMPT_NOT},
    {{NETS}, "unix", true, {"FROM:<a@b>"}, {"TO:<c@d>"}, EXEMPT_NOT},
    {{"client 0.0.0.0/0"}, NULL, true, {NULL}, {NULL}, EXEMPT_NOT},
    {{"client unix"}, "unix", false, {NULL}, {NULL}, EXEMPT_CLIENT},
    /* What the server has accepted of its AUTH. */
    {{"authenticated"}, "192.0.2.1", true, {NULL}, {NULL},
	EXEMPT_AUTHENTICATED},
    {{"authenticated"}, "192.0.2.1", false, {NULL}, {NULL}, EXEMPT_NOT},
    /* The sender: the whole address. */
    {{"sender a@b"}, "10.0.0.1", false, {"FROM:<A@B> SIZE=1"}, {"TO:<c@d>"},
	EXEMPT_SENDER},
    {{"sender a@b"}, "10.0.0.1", false, {"FROM:<@x,@y:a@b>"}, {"TO:<c@d>"},
	EXEMPT_SENDER},
    {{"sender a@b"}, "10.0.0.1", false, {"FROM:<a@bc>"}, {"TO:<a@b>"},
	EXEMPT_NOT},
    {{"sender \"a b\"@c"}, "10.0.0.1", false, {"FROM:<\"A B\"@c>"},
	{"TO:<a@b>"}, EXEMPT_SENDER},
    {{"sender *"}, "10.0.0.1", false, {"FROM:a@b"}, {"TO:<a@b>"}, EXEMPT_NOT},
    {{"sender *"}, "10.0.0.1", false, {NULL}, {"TO:<a@b>"}, EXEMPT_NOT},
    {{"sender <>"}, "10.0.0.1", false, {"FROM:<>"}, {"TO:<a@b>"},
	EXEMPT_SENDER},
    {{"sender <>"}, "10.0.0.1", false, {"FROM:<a@b>"}, {"TO:<a@b>"},
	EXEMPT_NOT},
    {{"sender *"}, "10.0.0.1", false, {"FROM:<>"}, {"TO:<a@b>"}, EXEMPT_SENDER},
    {{"sender a@*"}, "10.0.0.1", false, {"FROM:<x@b>", "FROM:<a@b>"},
	{"TO:<a@b>"}, EXEMPT_NOT},
    /* Each recipient needs one, and is no sender. */
    {{ONE}, "10.0.0.1", false, {"FROM:<one@b>"}, {"TO:<one@d>"},
	EXEMPT_RECIPIENT},
    {{ONE}, "10.0.0.1", false, {"FROM:<one@b>"}, {"TO:<two@d>"}, EXEMPT_NOT},
    {{ONE}, "10.0.0.1", false, {"FROM:<one@b>"}, {NULL}, EXEMPT_NOT},
    {{ONE}, "10.0.0.1", false, {NULL}, {"TO:<one@a>", "TO:<two@b>"},
	EXEMPT_NOT},
    {{ONE}, "10.0.0.1", false, {NULL}, {"TO:<two@b>", "TO:<one@a>"},
	EXEMPT_NOT},
    {{ONE, TWO}, "10.0.0.1", false, {NULL}, {"TO:<two@b>", "TO:<one@a>"},
	EXEMPT_RECIPIENT},
    {{ONE, TWO}, "10.0.0.1", false, {NULL},
	{"TO:<two@b>", "TO:<one@a>", "TO:<\"one>@a"}, EXEMPT_NOT},
    /* Any suffices; the first is told. */
    {{ONE, NETS, "authenticated"}, "192.0.2.1", true, {NULL}, {"TO:<two@b>"},
	EXEMPT_CLIENT},
    {{ONE, "sender x", "authenticated", NETS}, "192.0.2.1", true, {NULL},
	{"TO:<two@b>"}, EXEMPT_AUTHENTICATED},
};

static enum exempt
find(size_t i, const struct exempt_rules *r)
{
	struct exempt_envelope e = {0};
	struct addr client = {0};

	if (cases[i].client != NULL)
		client = client_at(cases[i].client);
	for (size_t j = 0; cases[i].senders[j] != NULL; j++)
		exempt_count_sender(
		    r, &e, cases[i].senders[j], strlen(cases[i].senders[j]));
	for (size_t j = 0; cases[i].recipients[j] != NULL; j++)
		exempt_count_recipient(r, &e, cases[i].recipients[j],
		    strlen(cases[i].recipients[j]));
	return exempt_find(r, &e, &client, cases[i].authenticated);
}

static void
finds_the_first_that_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *values[COUNT(cases[i].rules) + 1] = {NULL};
		struct exempt_rules r;

		memcpy(values, cases[i].rules, sizeof cases[i].rules);
		r = read_rules(values);
		if (find(i, &r) != cases[i].by)
			fail_msg("case %zu", i);
		exempt_free(&r);
	}
}

static void
has_words_for_the_log(void **state)
{
	(void)state;
	assert_string_equal(exempt_word(EXEMPT_CLIENT), "client");
	assert_string_equal(exempt_word(EXEMPT_SENDER), "sender");
	assert_string_equal(exempt_word(EXEMPT_RECIPIENT), "recipient");
	assert_string_equal(exempt_word(EXEMPT_AUTHENTICATED), "authenticated");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_rules),
	    cmocka_unit_test(refuses_what_is_no_rule),
	    cmocka_unit_test(finds_the_first_that_fits),
	    cmocka_unit_test(has_words_for_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
