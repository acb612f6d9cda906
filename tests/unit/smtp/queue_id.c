/*
 * Queue ids, in replies that real servers give.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/queue_id.h"

#include "tests/unit/unit.h"

struct id_case {
	struct text reply;
	struct text id; /* empty: none */
};

static const struct id_case id_cases[] = {
    /* Postfix: short names, long names, what a content filter passes on */
    {T("250 2.0.0 Ok: queued as 9A3D540A52"), T("9A3D540A52")},
    {T("250 2.0.0 Ok: queued as 4XYfFz2qN3z1Q"), T("4XYfFz2qN3z1Q")},
    {T("250 Ok: queued as 3E5C61F2"), T("3E5C61F2")},
    {T("250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as "
       "6C1B52F4"),
	T("6C1B52F4")},
    {T("250 2.6.0 Ok, id=02318-01, from MTA(smtp:[::1]:10025): 250 Ok: queued "
       "as 0F21"),
	T("0F21")},
    /* Exim: up to 4.96, and since 4.97 */
    {T("250 OK id=1uZ5Xp-0004Xv-2u"), T("1uZ5Xp-0004Xv-2u")},
    {T("250 OK id=1uZ5Xp-00000004Xvx-2uab"), T("1uZ5Xp-00000004Xvx-2uab")},
    /* sendmail */
    {T("250 2.0.0 5AS3Zl2T012345 Message accepted for delivery"),
	T("5AS3Zl2T012345")},
    {T("250 i7S3Zl2T012345 Message accepted for delivery"),
	T("i7S3Zl2T012345")},
    /* OpenSMTPD, older and newer */
    {T("250 2.0.0: 1a2b3c4d Message accepted for delivery"), T("1a2b3c4d")},
    {T("250 2.0.0 1a2b3c4d Message accepted for delivery"), T("1a2b3c4d")},
    /* Others, as they are written by those */
    {T("250 2.0.0 Ok: Queued As abc."), T("abc")},
    {T("250 queued as a-b_c"), T("a-b_c")},
    /* None */
    {T("250 2.0.0 Ok"), T("")},
    {T("250"), T("")},
    {T(""), T("")},
    {T("250 2.0.0 Message accepted for delivery"), T("")},
    {T("250 Message accepted for delivery"), T("")},
    {T("250 2.0.0 Ok: queued as "), T("")},
    {T("250 2.0.0 Ok: queued as , size=1"), T("")},
    {T("250 OK id="), T("")},
    {T("250 ok 1700000000 qp 4711"), T("")},
    {T("250 Message received"), T("")},
    {T("250 queued as "
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
       "a"),
	T("")},
    /* It ends where something else begins */
    {T("250 queued as AB, action=x"), T("AB")},
    {T("250 queued as AB\033[1m"), T("AB")},
    {T("250 2.0.0 x,y Message accepted for delivery"), T("")},
};

static void
finds_the_id(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(id_cases); i++) {
		const struct id_case *c = &id_cases[i];
		const char *id = "";
		size_t len = 0;
		bool found = queue_id_find(c->reply.p, c->reply.len, &id, &len);

		expect_text(c->reply, id, len, c->id);
		expect_number(c->reply, "found", found, c->id.len > 0);
	}
}

/* Whatever it is cut to: no octet behind it is read, and an id is a name. */
static void
ids_are_names(void **state)
{
	static const struct text alphabet = T("ab1-. ,=\033\r\n");
	uint64_t seed = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(id_cases); i++)
		for (size_t n = 0; n <= id_cases[i].reply.len; n++) {
			char *copy = malloc(n + 1);
			const char *id;
			size_t len;

			assert_non_null(copy);
			memcpy(copy, id_cases[i].reply.p, n);
			if (n > 20)
				random_octets(&seed, alphabet, copy + n - 9, 9);
			copy = realloc(copy, n == 0 ? 1 : n);
			if (queue_id_find(copy, n, &id, &len)) {
				assert_true(len > 0 && len <= 64);
				assert_true(id >= copy && id + len <= copy + n);
				for (size_t k = 0; k < len; k++)
					assert_null(
					    strchr(" ,=\033\r\n", id[k]));
			}
			free(copy);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_id),
	    cmocka_unit_test(ids_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
