/*
 * The queue of commands that await their replies.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/pending.h"

#include <errno.h>

#include "tests/unit/unit.h"

/* The queue only passes them on. */
struct exchange {
	int number;
};
static const struct exchange exchanges[13];
#define OTHER (&exchanges[0])
#define MAIL (&exchanges[1])

static void
keeps_the_order(void **state)
{
	struct pending_queue q = {0};
	unsigned in = 0, out = 0;
	uint64_t seed = 64;

	(void)state;
	assert_null(pending_head(&q));
	/* In and out at random, many times around the ring. */
	for (int round = 0; round < 10000; round++) {
		char text[16];

		snprintf(text, sizeof text, "%u", in);
		if (!pending_is_full(&q) && random_below(&seed, 2) == 0) {
			assert_int_equal(
			    pending_push(
				&q, &exchanges[in % 13], text, strlen(text)),
			    0);
			in++;
		} else if (!pending_is_empty(&q)) {
			struct pending *p = pending_head(&q);

			snprintf(text, sizeof text, "%u", out);
			assert_non_null(p);
			assert_string_equal(p->text, text);
			assert_int_equal(p->len, strlen(text));
			assert_ptr_equal(p->exchange, &exchanges[out % 13]);
			assert_int_equal(p->lines, 0);
			p->lines = 7;
			free(pending_take(&q).text);
			out++;
		}
		assert_int_equal(q.count, in - out);
		assert_int_equal(pending_is_empty(&q), in == out);
		assert_int_equal(pending_is_full(&q), in - out == PENDING_MAX);
	}
	pending_clear(&q);
	assert_true(pending_is_empty(&q));
	assert_null(pending_head(&q));
	pending_clear(&q);
}

static void
takes_no_more_than_its_limit(void **state)
{
	struct pending_queue q = {0};

	(void)state;
	for (int i = 0; i < PENDING_MAX; i++) {
		assert_false(pending_is_full(&q));
		assert_int_equal(pending_push(&q, OTHER, "a", 1), 0);
	}
	assert_true(pending_is_full(&q));
	errno = 0;
	assert_int_equal(pending_push(&q, MAIL, "b", 1), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_ptr_equal(pending_head(&q)->exchange, OTHER);
	free(pending_take(&q).text);
	assert_int_equal(pending_push(&q, MAIL, "b", 1), 0);
	pending_clear(&q);
	assert_true(pending_is_empty(&q));
}

static void
copies_the_text(void **state)
{
	struct pending_queue q = {0};
	char text[] = "a\0b";

	(void)state;
	assert_int_equal(pending_push(&q, OTHER, text, 3), 0);
	assert_int_equal(pending_push(&q, OTHER, "", 0), 0);
	memset(text, 'x', sizeof text);
	assert_memory_equal(pending_head(&q)->text, "a\0b", 4);
	assert_int_equal(pending_head(&q)->len, 3);
	free(pending_take(&q).text);
	assert_string_equal(pending_head(&q)->text, "");
	assert_int_equal(pending_head(&q)->len, 0);
	pending_clear(&q);
}

static void
holds_answers(void **state)
{
	struct pending_queue q = {0};
	struct pending p;

	(void)state;
	assert_int_equal(pending_push(&q, OTHER, "a", 1), 0);
	assert_int_equal(pending_push_answer(&q, ANSWER_TOO_LONG), 0);
	free(pending_take(&q).text);
	assert_null(pending_head(&q)->exchange);
	p = pending_take(&q);
	assert_int_equal(p.answer, ANSWER_TOO_LONG);
	assert_null(p.text);
	while (!pending_is_full(&q))
		assert_int_equal(pending_push_answer(&q, ANSWER_STRAY), 0);
	assert_int_equal(pending_push_answer(&q, ANSWER_STRAY), -1);
	assert_int_equal(pending_push(&q, OTHER, "a", 1), -1);
	pending_clear(&q);
	assert_true(pending_is_empty(&q));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_the_order),
	    cmocka_unit_test(takes_no_more_than_its_limit),
	    cmocka_unit_test(copies_the_text),
	    cmocka_unit_test(holds_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
