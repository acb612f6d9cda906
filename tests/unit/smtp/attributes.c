/*
 * Lists of attributes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/attributes.h"

#include "tests/unit/unit.h"

/* Each of the list as "name|value;". */
static void
takes_a_list_apart(void **state)
{
	static const struct {
		struct text in, out;
	} cases[] = {
	    {T(""), T("")},
	    {T("  "), T("")},
	    {T("A=1"), T("A|1;")},
	    {T(" A=1\tb=2  C=3 "), T("A|1;b|2;C|3;")},
	    {T("A"), T("A|;")},
	    {T("A="), T("A|;")},
	    {T("=1"), T("|1;")},
	    {T("A=B=C"), T("A|B=C;")},
	    {T("A\0=1"), T("A\0|1;")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *list = cases[i].in.p;
		size_t len = cases[i].in.len;
		struct strbuf out = {0};
		struct attribute a;

		while (attributes_next(&list, &len, &a)) {
			strbuf_add(&out, a.name, a.name_len);
			strbuf_puts(&out, "|");
			strbuf_add(&out, a.value, a.value_len);
			strbuf_puts(&out, ";");
		}
		expect_text(
		    cases[i].in, strbuf_str(&out), out.len, cases[i].out);
		strbuf_free(&out);
	}
}

static void
decodes(void **state)
{
	static const struct {
		struct text in, text, address;
	} cases[] = {
	    {T("1.2.3.4"), T("1.2.3.4"), T("1.2.3.4")},
	    {T("[1.2.3.4]"), T("1.2.3.4"), T("1.2.3.4")},
	    {T("IPV6:2001:db8::7"), T("IPV6:2001:db8::7"), T("2001:db8::7")},
	    {T("ipv6:2001:db8::7"), T("ipv6:2001:db8::7"), T("2001:db8::7")},
	    {T("[IPv6:::1]"), T("IPv6:::1"), T("::1")},
	    {T("IPV6:x"), T("IPV6:x"), T("IPV6:x")},
	    {T("IPV6:"), T("IPV6:"), T("IPV6:")},
	    {T("+49PV6:::1"), T("IPV6:::1"), T("::1")},
	    {T("[UNAVAILABLE]"), T(""), T("")},
	    {T("[unavailable]"), T(""), T("")},
	    {T("[TEMPUNAVAIL]"), T(""), T("")},
	    {T(""), T(""), T("")},
	    {T("UNAVAILABLE"), T("UNAVAILABLE"), T("UNAVAILABLE")},
	    {T("a+2Bb+3D"), T("a+b="), T("a+b=")},
	    {T("+0A+00+7F"), T("???"), T("???")},
	    {T("a+2"), T("a+2"), T("a+2")},
	    {T("a+2b+"), T("a+2b+"), T("a+2b+")},
	    {T("["), T(""), T("")},
	    {T("]"), T(""), T("")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attribute a = {
		    .value = cases[i].in.p, .value_len = cases[i].in.len};
		struct strbuf out = {0};

		strbuf_puts(&out, "before");
		attributes_decode(&a, &out);
		expect_text(
		    cases[i].in, strbuf_str(&out), out.len, cases[i].text);
		attributes_decode_address(&a, &out);
		expect_text(
		    cases[i].in, strbuf_str(&out), out.len, cases[i].address);
		strbuf_free(&out);
	}
}

static void
encodes(void **state)
{
	static const struct {
		struct text in, out;
	} cases[] = {
	    {T("mail.example"), T("mail.example")},
	    {T("a+b=c d"), T("a+2Bb+3Dc+20d")},
	    {T("\0\r\n\t\177\377"), T("+00+0D+0A+09+7F+FF")},
	    {T("[192.0.2.1]"), T("[192.0.2.1]")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct strbuf out = {0};

		attributes_encode(cases[i].in.p, cases[i].in.len, &out);
		expect_text(
		    cases[i].in, strbuf_str(&out), out.len, cases[i].out);
		strbuf_free(&out);
	}
}

static void
encodes_addresses(void **state)
{
	static const char *const cases[][2] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"2001:db8::7", "IPV6:2001:db8::7"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *text = cases[i][0];
		struct strbuf out = {0};
		struct addr a;

		assert_int_equal(
		    addr_parse_number(&a, text, strlen(text), 25), 0);
		attributes_encode_address(&a, &out);
		assert_string_equal(strbuf_str(&out), cases[i][1]);
		assert_int_equal(addr_port(&a), 25);
		strbuf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_a_list_apart),
	    cmocka_unit_test(decodes),
	    cmocka_unit_test(encodes),
	    cmocka_unit_test(encodes_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
