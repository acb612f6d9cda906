/*
 * Small questions about strings.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/strutil.h"

#include <errno.h>
#include <limits.h>

#include "tests/unit/unit.h"

static void
knows_white_space(void **state)
{
	(void)state;
	for (int c = CHAR_MIN; c <= CHAR_MAX; c++)
		assert_int_equal(str_is_space((char)c),
		    c != 0 && strchr(" \t\n\v\f\r", c) != NULL);
}

static void
trims(void **state)
{
	static const struct {
		struct text in, out;
	} cases[] = {
	    {T("a"), T("a")},
	    {T(" a b "), T("a b")},
	    {T("\t\r\n\v\f a\t\r\n\v\f "), T("a")},
	    {T(""), T("")},
	    {T("  \t"), T("")},
	    {T(" \0 "), T("\0")},
	    {T("\0 "), T("\0")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *s = cases[i].in.p;
		size_t len = cases[i].in.len;

		str_trim(&s, &len);
		expect_text(cases[i].in, s, len, cases[i].out);
	}
}

static void
compares_without_case(void **state)
{
	static const struct {
		struct text in;
		const char *word;
		bool begins, equals;
	} cases[] = {
	    {T("word"), "word", true, true},
	    {T("WoRd"), "wOrD", true, true},
	    {T("words"), "word", true, false},
	    {T("wor"), "word", false, false},
	    {T(""), "word", false, false},
	    {T(""), "", true, true},
	    {T("a"), "", true, false},
	    {T("wore"), "word", false, false},
	    {T("a\0b"), "a", true, false},
	    {T("a\0"), "a", true, false},
	    {T("@["), "`{", false, false},
	    {T("\301"), "\341", false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		expect_number(cases[i].in, "begins",
		    str_begins(cases[i].in.p, cases[i].in.len, cases[i].word),
		    cases[i].begins);
		expect_number(cases[i].in, "equals",
		    str_equals(cases[i].in.p, cases[i].in.len, cases[i].word),
		    cases[i].equals);
	}
}

static void
reads_numbers(void **state)
{
	static const struct {
		struct text in;
		int error; /* 0: none */
		long value;
	} cases[] = {
	    {T("0"), 0, 0},
	    {T("7"), 0, 7},
	    {T("-5"), 0, -5},
	    {T("100"), 0, 100},
	    {T("+5"), 0, 5},
	    {T("007"), 0, 7},
	    {T("010"), 0, 10},
	    {T(" 2"), 0, 2},
	    {T("\t2"), 0, 2},
	    {T(""), 0, 0},
	    {T("101"), ERANGE, 0},
	    {T("-6"), ERANGE, 0},
	    {T("99999999999999999999"), ERANGE, 0},
	    {T("-99999999999999999999"), ERANGE, 0},
	    {T("x"), EINVAL, 0},
	    {T("2 "), EINVAL, 0},
	    {T("3x"), EINVAL, 0},
	    {T("0x2"), EINVAL, 0},
	    {T("1 0"), EINVAL, 0},
	    {T("1.0"), EINVAL, 0},
	    {T("-"), EINVAL, 0},
	    {T("+"), EINVAL, 0},
	    {T("--1"), EINVAL, 0},
	    {T(" "), EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		long n = 4711;
		int rc;

		errno = 0;
		rc = str_number(cases[i].in.p, -5, 100, &n);
		expect_number(
		    cases[i].in, "rc", rc, cases[i].error == 0 ? 0 : -1);
		expect_number(cases[i].in, "errno", errno, cases[i].error);
		expect_number(cases[i].in, "value", n,
		    cases[i].error == 0 ? cases[i].value : 4711);
	}
}

static void
numbers_have_the_range_of_long(void **state)
{
	long n = 4711;

	(void)state;
	errno = 0;
	assert_int_equal(
	    str_number("99999999999999999999", LONG_MIN, LONG_MAX, &n), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(n, 4711);
}

static void
reads_booleans(void **state)
{
	static const struct {
		const char *word;
		int value;
	} cases[] = {
	    {"on", 1},
	    {"yes", 1},
	    {"true", 1},
	    {"1", 1},
	    {"ON", 1},
	    {"Yes", 1},
	    {"tRuE", 1},
	    {"off", 0},
	    {"no", 0},
	    {"false", 0},
	    {"0", 0},
	    {"OFF", 0},
	    {"", -1},
	    {"2", -1},
	    {"onn", -1},
	    {"o", -1},
	    {"01", -1},
	    {"on ", -1},
	    {"maybe", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(str_boolean(cases[i].word), cases[i].value);
}

static void
masks_control_octets(void **state)
{
	static const struct {
		struct text in, want;
	} cases[] = {
	    {T(""), T("")},
	    {T("plain ~ text"), T("plain ~ text")},
	    {T("a\0b\tc\r\n\x1b[m\x7f"), T("a?b?c???[m?")},
	    {T("\x80\x9b\x9f\xa0\xff"), T("???\xa0\xff")},
	    {T("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0"), T("??????\xc2\xa0")},
	    /* A character may have such octets in it. */
	    {T("\xc3\x9c\xe2\x82\xac\xf0\x9f\x98\x80"),
		T("\xc3\x9c\xe2\x82\xac\xf0\x9f\x98\x80")},
	    /* Longer than needed, surrogates, beyond the last. */
	    {T("\xc1\x9b"), T("\xc1?")},
	    {T("\xe0\x82\x9b"), T("\xe0??")},
	    {T("\xed\xa0\x80"), T("\xed\xa0?")},
	    {T("\xf0\x8f\x90\x9b"), T("\xf0???")},
	    {T("\xf4\x90\x80\x80"), T("\xf4???")},
	    {T("\xf5\x9b\x9b\x9b"), T("\xf5???")},
	    /* Cut. */
	    {T("\xe2\x82"), T("\xe2?")},
	    {T("\xe2\x82\x9b\xc2"), T("\xe2\x82\x9b\xc2")},
	    {T("\xc2"
	       "a"),
		T("\xc2"
		  "a")},
	    {T("\xe2\x82"
	       "a"),
		T("\xe2?"
		  "a")},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memcpy(text, cases[i].in.p, cases[i].in.len);
		str_mask_controls(text, cases[i].in.len);
		expect_text(cases[i].in, text, cases[i].in.len, cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_white_space),
	    cmocka_unit_test(trims),
	    cmocka_unit_test(compares_without_case),
	    cmocka_unit_test(reads_numbers),
	    cmocka_unit_test(numbers_have_the_range_of_long),
	    cmocka_unit_test(reads_booleans),
	    cmocka_unit_test(masks_control_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
