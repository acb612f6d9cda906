/*
 * From the file to settings, and the checks across options.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings_load.h"

#include "common/log.h"
#include "tests/unit/said.h"

#define WHERE "/x/c.conf:3"

static void
set(struct settings *s, const char *name, const char *value)
{
	assert_int_equal(settings_set(s, name, value, WHERE), 0);
}

/* Check settings; what is said about them goes to said. */
static int
check(struct settings *s, char said[1024])
{
	int rc;

	catch_stderr();
	rc = settings_check(s, "/x/c.conf");
	release_stderr(said, 1024);
	return rc;
}

static void
needs_somewhere_to_go(void **state)
{
	struct settings s;
	char said[1024];

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(check(&s, said), -1);
	assert_memory_equal(said, "clamsmtpd: no OutAddress specified.", 35);
	set(&s, "TransparentProxy", "on");
	assert_int_equal(check(&s, said), 0);
	assert_string_equal(said, "");
	set(&s, "OutAddress", "25");
	assert_int_equal(check(&s, said), 0);
	assert_memory_equal(said,
	    "clamsmtpd: the OutAddress option will be ignored when "
	    "TransparentProxy is enabled",
	    79);
	set(&s, "TransparentProxy", "off");
	assert_int_equal(check(&s, said), 0);
	assert_string_equal(said, "");
	settings_free(&s);
}

static void
adds_no_header_that_is_none(void **state)
{
	static const struct {
		const char *header;
		bool valid;
	} cases[] = {
	    {"X: y", true},
	    {"", true},
	    {"X: %i %l %d", true},
	    {"X: a\\r\\n\\tb", true},
	    {"X: a\\n b", true},
	    {"Received: by us", true},
	    {"no colon", false},
	    {"X: a\\r\\n\\r\\nb", false},
	    {"X: a\\n\\nb", false},
	    {"X: a\\rb", false},
	    {"X: a\\nb", false},
	    {": a", false},
	    {"%q", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings s;
		char said[1024];

		assert_int_equal(settings_init(&s), 0);
		set(&s, "OutAddress", "25");
		set(&s, "Header", cases[i].header);
		assert_int_equal(check(&s, said), 0);
		assert_string_equal(
		    s.header, cases[i].valid ? cases[i].header : "");
		assert_int_equal(said[0] == '\0', cases[i].valid);
		settings_free(&s);
	}
}

/* What a Header has in it that it should not; the header stays. */
static void
says_what_is_odd_in_a_header(void **state)
{
	static const struct {
		const char *header, *hint;
	} cases[] = {
	    {"X: %z", "there is no %z, use %d, %i, %l or %%"},
	    {"X: %d %I", "there is no %I, use %d, %i, %l or %%"},
	    {"\"X: y\"", "without quotes; they become part of the header"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings s;
		char said[1024], want[1024];

		assert_int_equal(settings_init(&s), 0);
		set(&s, "OutAddress", "25");
		set(&s, "Header", cases[i].header);
		assert_int_equal(check(&s, said), 0);
		snprintf(want, sizeof want,
		    "clamsmtpd: invalid setting: Header (" WHERE ": %s)\n",
		    cases[i].hint);
		assert_string_equal(said, want);
		assert_string_equal(s.header, cases[i].header);
		settings_free(&s);
	}
}

/* Load a file of this content. */
static int
load(struct settings *s, const char *content, char *path, char said[1024])
{
	int fd = mkstemp(path), rc;
	size_t len = strlen(content);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(close(fd), 0);
	catch_stderr();
	rc = settings_load(s, path);
	release_stderr(said, 1024);
	assert_int_equal(unlink(path), 0);
	return rc;
}

static void
loads_files(void **state)
{
	struct settings s;
	char path[] = "/tmp/clamsmtpd-unit.XXXXXX", said[1024];

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(
	    load(&s, "# comment\n\nTimeOut: 7\nOutAddress: 25\ntimeout:8\n",
		path, said),
	    0);
	assert_string_equal(said, "");
	assert_int_equal(s.timeout_ms, 8000);
	assert_int_equal(s.out_addresses.spec[0].port, 25);
	settings_free(&s);
}

static void
names_the_line_that_is_wrong(void **state)
{
	static const struct {
		const char *content, *said;
		unsigned line;
	} cases[] = {
	    {"TimeOut: 7\n\nTimeOut: x\nAction: x\n",
		"invalid setting: TimeOut", 3},
	    {"junk\n", "invalid config line: junk", 1},
	    {"\n: x\n", "invalid config line: ", 2},
	    {"A: b\n", "invalid config line: A", 1},
	    {"\357\273\277# x\n", "invalid config line: \357\273\277# x", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings s;
		char path[] = "/tmp/clamsmtpd-unit.XXXXXX", said[1024];
		char want[256];

		assert_int_equal(settings_init(&s), 0);
		assert_int_equal(load(&s, cases[i].content, path, said), -1);
		snprintf(want, sizeof want,
		    "clamsmtpd: %s (%s:%u: ", cases[i].said, path,
		    cases[i].line);
		if (strncmp(said, want, strlen(want)) != 0)
			assert_string_equal(said, want);
		settings_free(&s);
	}
}

static void
a_byte_order_mark_is_named(void **state)
{
	struct settings s;
	char path[] = "/tmp/clamsmtpd-unit.XXXXXX", said[1024];

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(
	    load(&s, "\357\273\277Action: drop\n", path, said), -1);
	assert_memory_equal(
	    said, "clamsmtpd: invalid config line: \357\273\277Action (", 43);
	assert_non_null(
	    strstr(said, ":1: save the file without a byte order mark)\n"));
	settings_free(&s);
}

static void
a_missing_file_is_a_warning(void **state)
{
	struct settings s;
	char said[1024];

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	catch_stderr();
	assert_int_equal(settings_load(&s, "/nonexistent/c.conf"), 0);
	release_stderr(said, sizeof said);
	assert_string_equal(said,
	    "clamsmtpd: configuration file not found: /nonexistent/c.conf\n");
	catch_stderr();
	assert_int_equal(settings_load(&s, "/"), -2);
	release_stderr(said, sizeof said);
	assert_non_null(strstr(said, "config file: /: "));
	catch_stderr();
	assert_int_equal(settings_load(&s, "/dev/null/c.conf"), -2);
	release_stderr(said, sizeof said);
	assert_non_null(strstr(said, "config file: /dev/null/c.conf: "));
	settings_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(needs_somewhere_to_go),
	    cmocka_unit_test(adds_no_header_that_is_none),
	    cmocka_unit_test(says_what_is_odd_in_a_header),
	    cmocka_unit_test(loads_files),
	    cmocka_unit_test(names_the_line_that_is_wrong),
	    cmocka_unit_test(a_byte_order_mark_is_named),
	    cmocka_unit_test(a_missing_file_is_a_warning),
	};

	log_open("clamsmtpd");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
