/*
 * Growing buffers.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/strbuf.h"

#include <errno.h>

#include "tests/unit/unit.h"

static void
grows_with_what_is_added(void **state)
{
	struct strbuf b = {0};
	char model[20000];
	size_t len = 0;
	uint64_t seed = 1;

	(void)state;
	assert_string_equal(strbuf_str(&b), "");
	for (int round = 0; round < 400; round++) {
		char piece[50];
		size_t n = random_below(&seed, sizeof piece);

		random_octets(&seed, (struct text)T("a\0b\n"), piece, n);
		strbuf_add(&b, piece, n);
		memcpy(model + len, piece, n);
		len += n;
		assert_int_equal(b.len, len);
		if (len > 0)
			assert_memory_equal(strbuf_str(&b), model, len);
		assert_int_equal(strbuf_str(&b)[len], '\0');
		assert_false(b.failed);
	}
	strbuf_free(&b);
}

static void
adds_strings(void **state)
{
	struct strbuf b = {0};

	(void)state;
	strbuf_puts(&b, "");
	assert_string_equal(strbuf_str(&b), "");
	strbuf_puts(&b, "ab");
	strbuf_puts(&b, "cd");
	assert_string_equal(strbuf_str(&b), "abcd");
	assert_int_equal(b.len, 4);
	strbuf_free(&b);
}

static void
reserves_without_changing(void **state)
{
	struct strbuf b = {0};

	(void)state;
	strbuf_puts(&b, "ab");
	for (size_t n = 0; n < 3000; n += 7) {
		assert_int_equal(strbuf_reserve(&b, n), 0);
		assert_true(b.cap > b.len + n);
		assert_string_equal(strbuf_str(&b), "ab");
	}
	strbuf_free(&b);
}

static void
clear_and_free_leave_it_usable(void **state)
{
	struct strbuf b = {0};

	(void)state;
	strbuf_clear(&b);
	strbuf_free(&b);
	strbuf_puts(&b, "ab");
	strbuf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(strbuf_str(&b), "");
	strbuf_puts(&b, "c");
	assert_string_equal(strbuf_str(&b), "c");
	strbuf_free(&b);
	strbuf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	strbuf_puts(&b, "d");
	assert_string_equal(strbuf_str(&b), "d");
	strbuf_free(&b);
}

/* What did not fit is remembered, and nothing is added behind the gap. */
static void
remembers_a_failure(void **state)
{
	struct strbuf b = {0};

	(void)state;
	strbuf_puts(&b, "ab");
	errno = 0;
	assert_int_equal(strbuf_reserve(&b, SIZE_MAX), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(strbuf_reserve(&b, SIZE_MAX - 2), -1);
	assert_false(b.failed);
	strbuf_add(&b, "", SIZE_MAX - 2);
	assert_true(b.failed);
	strbuf_puts(&b, "cd");
	assert_string_equal(strbuf_str(&b), "ab");
	strbuf_clear(&b);
	assert_true(b.failed);
	strbuf_free(&b);
	assert_false(b.failed);
	strbuf_puts(&b, "e");
	assert_string_equal(strbuf_str(&b), "e");
	strbuf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grows_with_what_is_added),
	    cmocka_unit_test(adds_strings),
	    cmocka_unit_test(reserves_without_changing),
	    cmocka_unit_test(clear_and_free_leave_it_usable),
	    cmocka_unit_test(remembers_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
