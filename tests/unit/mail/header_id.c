/*
 * The Message-ID, at every cut.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/header.h"
#include "tests/unit/unit.h"

struct id_case {
	struct text content;
	struct text id; /* empty: none */
};

static const struct id_case id_cases[] = {
    {T("Message-ID: <1@x>\r\n\r\nbody\r\n"), T("<1@x>")},
    {T("A: b\r\nMessage-Id: <1@x>\r\nC: d\r\n\r\n"), T("<1@x>")},
    {T("MESSAGE-ID:<1@x>\r\n\r\n"), T("<1@x>")},
    {T("message-id : \t <1@x> \r\n\r\n"), T("<1@x>")},
    {T("Message-ID: <1@x>"), T("<1@x>")},
    /* Folded, as long ones are. */
    {T("Message-ID:\r\n <1@x>\r\n\r\n"), T("<1@x>")},
    {T("Message-ID:\r\n\t \t<1@x>\r\nA: b\r\n\r\n"), T("<1@x>")},
    {T("Message-ID: <1\r\n @x>\r\n\r\n"), T("<1@x>")},
    {T("Message-ID: \r\n x\r\n <1@x>\r\n\r\n"), T("<1@x>")},
    /* What is around it is no part of it. */
    {T("Message-ID: (a <b>) <1@x>\r\n\r\n"), T("<b>")},
    {T("Message-ID: a <1@x> <2@x>\r\n\r\n"), T("<1@x>")},
    {T("Message-ID: <1@x>\r\n <2@x>\r\n\r\n"), T("<1@x>")},
    /* Without brackets it is what stands there. */
    {T("Message-ID: 1@x\r\n\r\n"), T("1@x")},
    {T("Message-ID: 1 @x \r\n\r\n"), T("1 @x")},
    {T("Message-ID: 1>2\r\n\r\n"), T("1>2")},
    {T("Message-ID: <1@x\r\n\r\n"), T("<1@x")},
    {T("Message-ID: <1\0@x>\r\n\r\n"), T("<1\0@x>")},
    /* The first one counts. */
    {T("Message-ID: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n"), T("<1@x>")},
    {T("Message-ID:\r\nMessage-ID: <2@x>\r\n\r\n"), T("")},
    /* There is none. */
    {T("A: b\r\n\r\nMessage-ID: <1@x>\r\n"), T("")},
    {T("A: b\r\n Message-ID: <1@x>\r\n\r\n"), T("")},
    {T("X-Message-ID: <1@x>\r\n\r\n"), T("")},
    {T("Resent-Message-ID: <1@x>\r\n\r\n"), T("")},
    {T("Message-IDs: <1@x>\r\n\r\n"), T("")},
    {T("Message-I: <1@x>\r\n\r\n"), T("")},
    {T("Message-ID\r\n\r\n"), T("")},
    {T("Message-ID:\r\n\r\n <1@x>\r\n"), T("")},
    {T("Message-ID:\r\n \r\n <1@x>\r\n"), T("")},
    {T(" Message-ID: <1@x>\r\n\r\n"), T("")},
    {T(""), T("")},
};

static void
finds_the_id_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(id_cases); i++) {
		const struct id_case *c = &id_cases[i];

		for (size_t cut = 0; cut <= c->content.len; cut++) {
			struct header_scan s = {0};

			header_scan_feed(&s, c->content.p, cut);
			header_scan_feed(
			    &s, c->content.p + cut, c->content.len - cut);
			header_scan_finish(&s);
			expect_text(c->content, s.id, s.id_len, c->id);
		}
	}
}

static void
finds_the_id_octet_by_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(id_cases); i++) {
		const struct id_case *c = &id_cases[i];
		struct header_scan s = {0};

		for (size_t n = 0; n < c->content.len; n++)
			header_scan_feed(&s, c->content.p + n, 1);
		header_scan_finish(&s);
		expect_text(c->content, s.id, s.id_len, c->id);
	}
}

static void
long_ids_are_cut(void **state)
{
	char content[2000];
	struct header_scan s = {0};
	const size_t head = strlen("Message-ID: ");

	(void)state;
	memset(content, 'x', sizeof content);
	memcpy(content, "Message-ID: <", head + 1);
	memcpy(content + sizeof content - 5, ">\r\n\r\n", 5);
	header_scan_feed(&s, content, sizeof content);
	header_scan_finish(&s);
	assert_int_equal(s.id_len, HEADER_ID_MAX);
	assert_memory_equal(s.id, content + head, HEADER_ID_MAX);
	assert_int_equal(s.bottom, sizeof content - 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_id_at_every_cut),
	    cmocka_unit_test(finds_the_id_octet_by_octet),
	    cmocka_unit_test(long_ids_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
