/*
 * The address in MAIL and RCPT: as the server reads it, or none.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/path.h"

#include "tests/unit/unit.h"

static const struct {
	const char *arg; /* behind "TO:" */
	const char *address; /* NULL: none */
} cases[] = {
    {"<a@b>", "a@b"},
    {" \t<a@b>", "a@b"},
    {"<A@B> ", "A@B"},
    {"<Postmaster>", "Postmaster"},
    {"<>", "<>"},
    {"<> AUTH=<>", "<>"},
    {"<a@[192.0.2.1]>", "a@[192.0.2.1]"},
    {"<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"},
    {"<a+b=c,d:e@f>", "a+b=c,d:e@f"},
    {"<\303\244@b>", "\303\244@b"},
    /* Quotes. */
    {"<\"a b\"@c>", "\"a b\"@c"},
    {"<\"a>b\"@c>", "\"a>b\"@c"},
    {"<\"<a\\\">\\\\\"@c>", "\"<a\\\">\\\\\"@c"},
    {"<a.\"b c\".d@e>", "a.\"b c\".d@e"},
    {"<\"\"@a>", "\"\"@a"},
    {"<\"a>@c>", NULL},
    {"<\"a\\\">@c>", NULL},
    {"<\"a\\", NULL},
    {"<\"", NULL},
    {"<a\\@b@c>", NULL},
    {"<a b@c>", NULL},
    {"<a@b >", NULL},
    {"<a@<b>", NULL},
    {"<a\001@b>", NULL},
    /* Source routes. */
    {"<@x,@y:a@b>", "a@b"},
    {"<@x:\"a:b\"@c>", "\"a:b\"@c"},
    {"<@[IPv6:::1],@y:a@b>", "a@b"},
    {"<@[IPv6:::1:a@b>", NULL},
    {"<@x>", NULL},
    {"<@x:>", NULL},
    {"<@x:@y:a@b>", NULL},
    {"<@>", NULL},
    {"<@\"x\":a@b>", NULL},
    {"<@x >:a@b>", NULL},
    {"<@x>:a@b>", NULL},
    /* Parameters behind it, and nothing else. */
    {"<a@b> SIZE=100 BODY=8BITMIME", "a@b"},
    {"<a@b>  NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c@d\t", "a@b"},
    {"<a@b> XVERP", "a@b"},
    {"<a@b> X-1=<c@d>", "a@b"},
    {"<a@b>c", NULL},
    {"<a@b>,<c@d>", NULL},
    {"<a@b> <c@d>", NULL},
    {"<a@b> c@d", NULL},
    {"<a@b> (comment)", NULL},
    {"<a@b>SIZE=1", NULL},
    /* No path. */
    {"", NULL},
    {"a@b", NULL},
    {"a@b SIZE=1", NULL},
    {"Name <a@b>", NULL},
    {"\"Name\" <a@b>", NULL},
    {"<a@b", NULL},
    {"<", NULL},
    {"<<a@b>>", NULL},
    {"(c)<a@b>", NULL},
};

static bool
find(const char *word, const char *arg, struct text *address)
{
	return path_find(arg, strlen(arg), word, &address->p, &address->len);
}

static void
finds_the_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char arg[200];
		struct text in = {arg, 0}, address = T("");

		snprintf(arg, sizeof arg, "TO:%s", cases[i].arg);
		in.len = strlen(arg);
		expect_number(in, "found", find("TO:", arg, &address),
		    cases[i].address != NULL);
		if (cases[i].address != NULL)
			expect_text(in, address.p, address.len,
			    (struct text){
				cases[i].address, strlen(cases[i].address)});
	}
}

static void
knows_the_word(void **state)
{
	static const char *const wrong[] = {"", "FROM", "FROM<a@b>", "<a@b>",
	    " FROM:<a@b>", "TO:<a@b>", "FROM :<a@b>", "FROM::<a@b>",
	    "FROMX:<a@b>"};
	struct text address;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		expect_number((struct text){wrong[i], strlen(wrong[i])},
		    "found", find("FROM:", wrong[i], &address), false);
	assert_true(find("FROM:", "from:<a@b>", &address));
}

/* However it is cut off, it is whole or none. */
static void
no_part_is_an_address(void **state)
{
	static const char arg[] = "FROM:<@x,@[y:z]:\"a\\\" >b\"@c>";
	struct text address;

	(void)state;
	for (size_t len = 0; len < sizeof arg - 1; len++)
		assert_false(
		    path_find(arg, len, "FROM:", &address.p, &address.len));
	assert_true(find("FROM:", arg, &address));
	expect_text((struct text){arg, sizeof arg - 1}, address.p, address.len,
	    (struct text)T("\"a\\\" >b\"@c"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_address),
	    cmocka_unit_test(knows_the_word),
	    cmocka_unit_test(no_part_is_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
