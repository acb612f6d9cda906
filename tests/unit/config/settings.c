/*
 * The options: values, defaults, and what is said about wrong ones.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/unit/unit.h"

#define WHERE "/x/c.conf:3"

/* Standard error goes to this file, so the test sees what is said. */
static FILE *said_file;
static int real_stderr;

static void
catch_stderr(void)
{
	said_file = tmpfile();
	assert_non_null(said_file);
	(void)fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	assert_true(real_stderr >= 0);
	assert_int_equal(dup2(fileno(said_file), STDERR_FILENO), STDERR_FILENO);
}

/* Let standard error be what it was; what was said goes to said. */
static void
release_stderr(char *said, size_t size)
{
	size_t n;

	assert_int_equal(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
	(void)close(real_stderr);
	rewind(said_file);
	n = fread(said, 1, size - 1, said_file);
	said[n] = '\0';
	(void)fclose(said_file);
}

/* Set one option; what is said about it goes to said. */
static int
set(struct settings *s, const char *name, const char *value, char said[1024])
{
	int rc;

	catch_stderr();
	rc = settings_set(s, name, value, WHERE);
	release_stderr(said, 1024);
	return rc;
}

static void
has_the_defaults_of_1_10(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(s.out_address.kind, ADDR_NONE);
	assert_string_equal(s.listen.text, "10025");
	assert_string_equal(s.clam_address.text, "/var/run/clamav/clamd");
	assert_int_equal(s.max_connections, 64);
	assert_int_equal(s.timeout_s, 180);
	assert_int_equal(s.keep_alives_s, 0);
	assert_string_equal(s.header, "X-Virus-Scanned: ClamAV using ClamSMTP");
	assert_string_equal(s.temp_directory, "/tmp/");
	assert_int_equal(s.action, WHEN_INFECTED_DROP);
	assert_false(s.quarantine);
	assert_string_equal(s.virus_action, "");
	assert_false(s.xclient);
	assert_false(s.transparent_proxy);
	assert_null(s.user);
	assert_string_equal(s.pid_file, "");
	assert_int_equal(s.scan_mode, SCAN_MODE_STREAM);
	assert_int_equal(s.bare_newline, BARE_NEWLINE_REPAIR);
	settings_free(&s);
}

static const struct {
	const char *name, *value;
	const char *said; /* how the message begins, without ident and place */
} wrong_cases[] = {
    {"OutAddress", "", "invalid OutAddress socket name or ip: "},
    {"OutAddress", "70000", "invalid OutAddress socket name or ip: 70000"},
    {"Listen", "1.2.3", "invalid Listen socket name or ip: 1.2.3"},
    {"Listen", "::1", "invalid Listen socket name or ip: ::1"},
    {"ClamAddress", ":25", "invalid ClamAddress socket name: :25"},
    {"MaxConnections", "0", "invalid setting: MaxConnections"},
    {"MaxConnections", "65536", "invalid setting: MaxConnections"},
    {"MaxConnections", "10x", "invalid setting: MaxConnections"},
    {"MaxConnections", "", "invalid setting: MaxConnections"},
    {"MaxConnections", "-1", "invalid setting: MaxConnections"},
    {"TimeOut", "0", "invalid setting: TimeOut"},
    {"TimeOut", "-1", "invalid setting: TimeOut"},
    {"TimeOut", "10x", "invalid setting: TimeOut"},
    {"TimeOut", "0x10", "invalid setting: TimeOut"},
    {"TimeOut", "1 0", "invalid setting: TimeOut"},
    {"TimeOut", "", "invalid setting: TimeOut"},
    {"TimeOut", "x", "invalid setting: TimeOut"},
    {"KeepAlives", "-1", "invalid setting: KeepAlives"},
    {"KeepAlives", "x", "invalid setting: KeepAlives"},
    {"TempDirectory", "", "invalid setting: TempDirectory"},
    {"Action", "", "invalid value for Action"},
    {"Action", "reject", "invalid value for Action"},
    {"Action", "bounce # c", "invalid value for Action"},
    {"Quarantine", "", "invalid value for Quarantine"},
    {"Quarantine", "2", "invalid value for Quarantine"},
    {"XClient", "maybe", "invalid value for XClient"},
    {"TransparentProxy", "-", "invalid value for TransparentProxy"},
    {"DebugFiles", "x", "invalid value for DebugFiles"},
    {"User", "", "invalid setting: User"},
    {"ScanMode", "", "invalid value for ScanMode"},
    {"ScanMode", "fildes", "invalid value for ScanMode"},
    {"BareNewline", "pass", "invalid value for BareNewline"},
    {"NoSuchOption", "x", "invalid config line: NoSuchOption"},
    {"", "x", "invalid config line: "},
    {"Action ", "drop", "invalid config line: Action "},
    {"Actio", "drop", "invalid config line: Actio"},
};

/* The wording of 1.10, then the place in parentheses, on one line. */
static void
refuses_wrong_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong_cases); i++) {
		const char *begin = wrong_cases[i].said;
		struct settings s;
		char said[1024], *place;

		assert_int_equal(settings_init(&s), 0);
		assert_int_equal(
		    set(&s, wrong_cases[i].name, wrong_cases[i].value, said),
		    -1);
		assert_memory_equal(said, "clamsmtpd: ", 11);
		if (strncmp(said + 11, begin, strlen(begin)) != 0)
			assert_string_equal(said + 11, begin);
		place = strstr(said, " (" WHERE);
		assert_non_null(place);
		assert_string_equal(said + strlen(said) - 2, ")\n");
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
		settings_free(&s);
	}
}

static void
says_what_would_be_right(void **state)
{
	struct settings s;
	char said[1024];

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(set(&s, "Action", "x", said), -1);
	assert_string_equal(said,
	    "clamsmtpd: invalid value for Action (" WHERE
	    ": use bounce, drop or pass)\n");
	settings_free(&s);
}

/* Set what must be right, and is said nothing about. */
static void
take(struct settings *s, const char *name, const char *value)
{
	char said[1024];

	assert_int_equal(set(s, name, value, said), 0);
	assert_string_equal(said, "");
}

static void
sets_addresses(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	take(&s, "OutAddress", "192.0.2.1");
	assert_int_equal(s.out_address.kind, ADDR_FIXED);
	assert_int_equal(s.out_address.port, 10025);
	take(&s, "OutAddress", "26");
	assert_int_equal(s.out_address.kind, ADDR_PORT);
	assert_int_equal(s.out_address.port, 26);
	take(&s, "Listen", "127.0.0.1: 40245");
	assert_int_equal(s.listen.port, 40245);
	take(&s, "Listen", "127.0.0.1");
	assert_int_equal(s.listen.port, 10025);
	take(&s, "ClamAddress", "/a/socket");
	assert_string_equal(s.clam_address.text, "/a/socket");
	take(&s, "ClamAddress", "3310");
	assert_int_equal(s.clam_address.kind, ADDR_PORT);
	settings_free(&s);
}

static void
sets_numbers(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	assert_string_equal(settings_where(&s, "MaxConnections"), "default");
	take(&s, "MaxConnections", "1");
	assert_string_equal(settings_where(&s, "maxconnections"), WHERE);
	assert_int_equal(s.max_connections, 1);
	take(&s, "MaxConnections", "1024");
	assert_int_equal(s.max_connections, 1024);
	take(&s, "MaxConnections", "65535");
	assert_int_equal(s.max_connections, 65535);
	take(&s, "TimeOut", "1");
	assert_int_equal(s.timeout_s, 1);
	take(&s, "TimeOut", "+5");
	assert_int_equal(s.timeout_s, 5);
	take(&s, "TimeOut", "2147483647");
	assert_int_equal(s.timeout_s, 2147483);
	take(&s, "TimeOut", "99999999999");
	assert_int_equal(s.timeout_s, 2147483);
	take(&s, "KeepAlives", "2147483648");
	assert_int_equal(s.keep_alives_s, 2147483);
	take(&s, "KeepAlives", "30");
	assert_int_equal(s.keep_alives_s, 30);
	take(&s, "KeepAlives", "");
	assert_int_equal(s.keep_alives_s, 0);
	settings_free(&s);
}

static void
sets_words(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	take(&s, "Action", "bounce");
	assert_int_equal(s.action, WHEN_INFECTED_BOUNCE);
	take(&s, "action", "PASS");
	assert_int_equal(s.action, WHEN_INFECTED_PASS);
	take(&s, "ACTION", "Drop");
	assert_int_equal(s.action, WHEN_INFECTED_DROP);
	take(&s, "ScanMode", "Scan");
	assert_int_equal(s.scan_mode, SCAN_MODE_SCAN);
	take(&s, "ScanMode", "stream");
	assert_int_equal(s.scan_mode, SCAN_MODE_STREAM);
	take(&s, "BareNewline", "reject");
	assert_int_equal(s.bare_newline, BARE_NEWLINE_REJECT);
	take(&s, "BareNewline", "repair");
	assert_int_equal(s.bare_newline, BARE_NEWLINE_REPAIR);
	take(&s, "Quarantine", "on");
	assert_true(s.quarantine);
	take(&s, "Quarantine", "False");
	assert_false(s.quarantine);
	take(&s, "XClient", "1");
	assert_true(s.xclient);
	take(&s, "TransparentProxy", "yes");
	assert_true(s.transparent_proxy);
	take(&s, "DebugFiles", "on");
	settings_free(&s);
}

/* Texts are copies, which last. */
static void
sets_texts(void **state)
{
	struct settings s;
	char value[] = "one";

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	take(&s, "Header", value);
	take(&s, "TempDirectory", value);
	take(&s, "VirusAction", value);
	take(&s, "User", value);
	take(&s, "PidFile", value);
	memset(value, 'x', 3);
	assert_string_equal(s.header, "one");
	assert_string_equal(s.temp_directory, "one");
	assert_string_equal(s.virus_action, "one");
	assert_string_equal(s.user, "one");
	assert_string_equal(s.pid_file, "one");
	take(&s, "Header", "");
	take(&s, "VirusAction", "");
	take(&s, "PidFile", "");
	assert_string_equal(s.header, "");
	assert_string_equal(s.virus_action, "");
	assert_string_equal(s.pid_file, "");
	settings_free(&s);
}

static void
the_old_names_still_work(void **state)
{
	static const char bounce[] =
	    "clamsmtpd: please use \"Action\" option instead of \"Bounce\"\n";
	static const char header[] = "clamsmtpd: please use \"Header\" option "
				     "instead of \"ScanHeader\"\n";
	struct settings s;
	char said[1024];

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(set(&s, "Bounce", "on", said), 0);
	assert_string_equal(said, bounce);
	assert_int_equal(s.action, WHEN_INFECTED_BOUNCE);
	take(&s, "Action", "pass");
	assert_int_equal(set(&s, "Bounce", "off", said), 0);
	assert_string_equal(said, bounce);
	assert_int_equal(s.action, WHEN_INFECTED_PASS);
	assert_int_equal(set(&s, "Bounce", "x", said), -1);
	assert_non_null(strstr(said, "invalid value for Bounce (" WHERE));
	assert_int_equal(set(&s, "ScanHeader", "X: y", said), 0);
	assert_string_equal(said, header);
	assert_string_equal(s.header, "X: y");
	settings_free(&s);
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
	take(&s, "TransparentProxy", "on");
	assert_int_equal(check(&s, said), 0);
	assert_string_equal(said, "");
	take(&s, "OutAddress", "25");
	assert_int_equal(check(&s, said), 0);
	assert_memory_equal(said,
	    "clamsmtpd: the OutAddress option will be ignored when "
	    "TransparentProxy is enabled",
	    79);
	take(&s, "TransparentProxy", "off");
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
		take(&s, "OutAddress", "25");
		take(&s, "Header", cases[i].header);
		assert_int_equal(check(&s, said), 0);
		assert_string_equal(
		    s.header, cases[i].valid ? cases[i].header : "");
		assert_int_equal(said[0] == '\0', cases[i].valid);
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
	assert_int_equal(s.timeout_s, 8);
	assert_int_equal(s.out_address.port, 25);
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
	    cmocka_unit_test(has_the_defaults_of_1_10),
	    cmocka_unit_test(refuses_wrong_values),
	    cmocka_unit_test(says_what_would_be_right),
	    cmocka_unit_test(sets_addresses),
	    cmocka_unit_test(sets_numbers),
	    cmocka_unit_test(sets_words),
	    cmocka_unit_test(sets_texts),
	    cmocka_unit_test(the_old_names_still_work),
	    cmocka_unit_test(needs_somewhere_to_go),
	    cmocka_unit_test(adds_no_header_that_is_none),
	    cmocka_unit_test(loads_files),
	    cmocka_unit_test(names_the_line_that_is_wrong),
	    cmocka_unit_test(a_missing_file_is_a_warning),
	};

	log_open("clamsmtpd");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
