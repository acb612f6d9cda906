/*
 * Versions of the settings: who holds which, and which share their clamds.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings_current.h"

#include <errno.h>
#include <stdlib.h>

#include "src/scan/clamds.h"
#include "tests/unit/unit.h"

#define WHERE "/x/c.conf:3"

static void
make(struct settings *s, const char *clamds, const char *header)
{
	assert_int_equal(settings_init(s), 0);
	assert_int_equal(settings_set(s, "ClamAddress", clamds, WHERE), 0);
	assert_int_equal(settings_set(s, "Header", header, WHERE), 0);
}

static void
keeps_what_is_held(void **state)
{
	struct settings first, second;
	struct settings_current c;
	const struct settings *old, *now;

	(void)state;
	make(&first, "/a", "X: 1");
	make(&second, "/a", "X: 2");
	assert_int_equal(settings_current_open(&c, &first), 0);
	old = settings_current_take(&c);
	assert_int_equal(settings_current_replace(&c, &second), 0);
	now = settings_current_take(&c);
	assert_string_equal(old->header, "X: 1");
	assert_string_equal(now->header, "X: 2");
	assert_ptr_equal(old->scan.clamds, now->scan.clamds);
	settings_current_give_back(&c, old);
	/* The younger one holds what it uses of the older one. */
	assert_string_equal(clamds_address(now->scan.clamds, 0)->text, "/a");
	settings_current_give_back(&c, now);
	settings_current_close(&c);
	settings_free(&first);
}

static void
knows_who_is_set_aside(void **state)
{
	struct settings first, second;
	struct settings_current c;
	const struct settings *now;

	(void)state;
	make(&first, "/nonexistent/a, /nonexistent/b", "X: 1");
	make(&second, "/nonexistent/b, /nonexistent/c, /nonexistent/a", "X: 2");
	assert_int_equal(settings_current_open(&c, &first), 0);
	now = settings_current_take(&c);
	clamds_set_aside(now->scan.clamds, 0, "a test");
	settings_current_give_back(&c, now);
	assert_int_equal(settings_current_replace(&c, &second), 0);
	now = settings_current_take(&c);
	assert_false(clamds_is_set_aside(now->scan.clamds, 0));
	assert_false(clamds_is_set_aside(now->scan.clamds, 1));
	assert_true(clamds_is_set_aside(now->scan.clamds, 2));
	settings_current_give_back(&c, now);
	settings_current_close(&c);
	settings_free(&first);
}

static void
knows_whom_descriptors_do_not_reach(void **state)
{
	struct settings first, second;
	struct settings_current c;
	const struct settings *now;

	(void)state;
	make(&first, "/nonexistent/a, /nonexistent/b", "X: 1");
	make(&second, "/nonexistent/b, /nonexistent/a", "X: 2");
	assert_int_equal(settings_current_open(&c, &first), 0);
	now = settings_current_take(&c);
	clamds_stop_files(now->scan.clamds, 0);
	settings_current_give_back(&c, now);
	assert_int_equal(settings_current_replace(&c, &second), 0);
	now = settings_current_take(&c);
	assert_true(clamds_takes_files(now->scan.clamds, 0));
	assert_false(clamds_takes_files(now->scan.clamds, 1));
	settings_current_give_back(&c, now);
	settings_current_close(&c);
	settings_free(&first);
}

/* As many lists as may be, each held; one that is in use is found again. */
static void
bounds_the_lists(void **state)
{
	const struct settings *held[SETTINGS_LISTS_MAX];
	struct settings first, next;
	struct settings_current c;
	char address[32];

	(void)state;
	make(&first, "/0", "X: y");
	assert_int_equal(settings_current_open(&c, &first), 0);
	for (int i = 0; i < SETTINGS_LISTS_MAX; i++) {
		held[i] = settings_current_take(&c);
		snprintf(address, sizeof address, "/%d", i + 1);
		make(&next, address, "X: y");
		if (i + 1 < SETTINGS_LISTS_MAX)
			assert_int_equal(
			    settings_current_replace(&c, &next), 0);
	}
	assert_int_equal(settings_current_replace(&c, &next), -1);
	assert_int_equal(errno, EBUSY);
	settings_free(&next);
	make(&next, "/0", "X: z");
	assert_int_equal(settings_current_replace(&c, &next), 0);
	for (int i = 0; i < SETTINGS_LISTS_MAX; i++)
		settings_current_give_back(&c, held[i]);
	make(&next, "/new", "X: y");
	assert_int_equal(settings_current_replace(&c, &next), 0);
	settings_current_close(&c);
	settings_free(&first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_what_is_held),
	    cmocka_unit_test(knows_who_is_set_aside),
	    cmocka_unit_test(knows_whom_descriptors_do_not_reach),
	    cmocka_unit_test(bounds_the_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
