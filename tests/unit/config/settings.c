/*
 * The options: values, defaults, and what is said about wrong ones.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings.h"

#include "common/log.h"
#include "tests/unit/said.h"

#define WHERE "/x/c.conf:3"

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
	assert_int_equal(s.out_addresses.count, 0);
	assert_int_equal(s.listens.count, 1);
	assert_string_equal(s.listens.spec[0].text, "10025");
	assert_string_equal(
	    s.scan.addresses.spec[0].text, "/var/run/clamav/clamd");
	assert_int_equal(s.max_connections, 64);
	assert_int_equal(s.timeout_ms, 180000);
	assert_int_equal(s.keep_alives_ms, 0);
	assert_string_equal(s.header, "X-Virus-Scanned: ClamAV using ClamSMTP");
	assert_string_equal(s.temp_directory, "/tmp/");
	assert_int_equal(s.policy.action, WHEN_INFECTED_DROP);
	assert_false(s.quarantine);
	assert_string_equal(s.virus_action, "");
	assert_false(s.xclient);
	assert_false(s.transparent_proxy);
	assert_null(s.user);
	assert_string_equal(s.pid_file, "");
	assert_int_equal(s.scan.mode, SCAN_MODE_STREAM);
	assert_int_equal(s.policy.bare_newline, BARE_NEWLINE_REPAIR);
	assert_int_equal(s.policy.scan_fail, WHEN_UNSCANNED_TEMPFAIL);
	assert_int_equal(s.policy.oversize, WHEN_UNSCANNED_REJECT);
	assert_int_equal(s.policy.rules.count, 0);
	assert_int_equal(s.skip.count, 0);
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
    {"ScanMode", "descriptor", "invalid value for ScanMode"},
    {"BareNewline", "pass", "invalid value for BareNewline"},
    {"Action", "tempfail", "invalid value for Action"},
    {"ScanFail", "", "invalid value for ScanFail"},
    {"ScanFail", "drop", "invalid value for ScanFail"},
    {"Oversize", "bounce", "invalid value for Oversize"},
    {"Skip", "", "invalid value for Skip"},
    {"Skip", "client", "invalid value for Skip"},
    {"Skip", "everybody", "invalid value for Skip"},
    {"VirusRule", "", "invalid value for VirusRule"},
    {"VirusRule", "pass", "invalid value for VirusRule"},
    {"VirusRule", "Eicar reject", "invalid value for VirusRule"},
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

static const struct {
	const char *name, *value;
	const char *said; /* without ident, place and end */
	const char *hint;
} hint_cases[] = {
    {"Action", "x", "invalid value for Action", "use bounce, drop or pass"},
    {"MaxConnections", "-5",
	"invalid setting: MaxConnections (must be between 1 and 65535)",
	"use a number from 1 to 65535"},
    {"TimeOut", "180s", "invalid setting: TimeOut", "use seconds, 1 or more"},
    {"KeepAlives", "-1", "invalid setting: KeepAlives",
	"use seconds, 0 or more"},
    {"KeepAlives", "-99999999999999999999", "invalid setting: KeepAlives",
	"use seconds, 0 or more"},
    {"Quarantine", "\"on\"", "invalid value for Quarantine", "without quotes"},
    {"ScanFail", "451", "invalid value for ScanFail",
	"use tempfail, reject or pass"},
    {"Oversize", "drop", "invalid value for Oversize",
	"use reject, tempfail or pass"},
    {"Skip", "192.0.2.1", "invalid value for Skip",
	"use client NETWORK, sender PATTERN, recipient PATTERN or "
	"authenticated"},
    {"Skip", "client 192.0.2.1/24", "invalid value for Skip",
	"the address has more bits than the number behind it"},
    {"Skip", "authenticated # all", "invalid value for Skip",
	"a comment needs a line of its own"},
    {"VirusRule", "PUA.*", "invalid value for VirusRule",
	"use PATTERN drop, PATTERN bounce, PATTERN pass or PATTERN tempfail"},
    {"VirusRule", "PUA.* pass # fine", "invalid value for VirusRule",
	"a comment needs a line of its own"},
    {"VirusRule", "\"PUA.* pass\"", "invalid value for VirusRule",
	"without quotes"},
    {"ScanMode", "scan # x", "invalid value for ScanMode",
	"a comment needs a line of its own"},
    {"XClient", "on\302\240", "invalid value for XClient",
	"there is an octet in it that is not ASCII"},
    {"TempDirectory", "tmp", "invalid setting: TempDirectory",
	"paths are absolute: use one that begins with /"},
    {"TempDirectory", "", "invalid setting: TempDirectory", "use a directory"},
    {"TempDirectory", "'/tmp'", "invalid setting: TempDirectory",
	"without quotes"},
    {"PidFile", "run/x.pid", "invalid setting: PidFile",
	"paths are absolute: use one that begins with /"},
    {"PidFile", "/run/x.pid # here", "invalid setting: PidFile",
	"a comment needs a line of its own"},
    {"User", "", "invalid setting: User", "use the name of a user"},
    {"ClamAddress", "LocalSocket /x",
	"invalid ClamAddress socket name: LocalSocket /x",
	"use the path alone"},
    {"Outaddres", "x", "invalid config line: Outaddres",
	"no such option; clamsmtpd.conf(5) has all"},
    {"OutAddress = 127.0.0.1", "25",
	"invalid config line: OutAddress = 127.0.0.1", "use Name: value"},
    {"OutAddress 127.0.0.1", "25", "invalid config line: OutAddress 127.0.0.1",
	"use Name: value"},
    {"\342\200\213User", "x", "invalid config line: \342\200\213User",
	"there is an octet in it that is not ASCII"},
};

static void
says_what_would_be_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hint_cases); i++) {
		struct settings s;
		char said[1024], want[1024];

		assert_int_equal(settings_init(&s), 0);
		assert_int_equal(
		    set(&s, hint_cases[i].name, hint_cases[i].value, said), -1);
		snprintf(want, sizeof want, "clamsmtpd: %s (" WHERE ": %s)\n",
		    hint_cases[i].said, hint_cases[i].hint);
		assert_string_equal(said, want);
		settings_free(&s);
	}
}

/* Set what must be right, and is said nothing about. */
static void
take(struct settings *s, const char *name, const char *value)
{
	char said[1024];

	assert_int_equal(set(s, name, value, said), 0);
	assert_string_equal(said, "");
}

static int
set_at(struct settings *s, const char *value, const char *where)
{
	char said[1024];
	int rc;

	catch_stderr();
	rc = settings_set(s, "Listen", value, where);
	release_stderr(said, sizeof said);
	return rc;
}

/* A list grows; but the file counts, as it does for all other options. */
static void
lists_grow(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(set_at(&s, "1, 2", SETTINGS_COMMAND_LINE), 0);
	assert_int_equal(set_at(&s, "3", SETTINGS_COMMAND_LINE), 0);
	assert_int_equal(s.listens.count, 3);
	assert_int_equal(set_at(&s, " 4 ,\t[::1]:5", "x:1"), 0);
	assert_int_equal(s.listens.count, 2);
	assert_int_equal(set_at(&s, "6", "x:9"), 0);
	assert_int_equal(s.listens.count, 3);
	assert_string_equal(s.listens.spec[0].text, "4");
	assert_string_equal(addr_spec_where(&s.listens.spec[0]), "x:1");
	assert_string_equal(s.listens.spec[1].text, "[::1]:5");
	assert_string_equal(addr_spec_where(&s.listens.spec[1]), "x:1");
	assert_string_equal(addr_spec_where(&s.listens.spec[2]), "x:9");
	assert_int_equal(set_at(&s, "7,", "x:10"), -1);
	assert_int_equal(set_at(&s, ",7", "x:10"), -1);
	for (int i = 0; s.listens.count < ADDR_LIST_MAX; i++)
		assert_int_equal(set_at(&s, "8", "x:11"), 0);
	assert_int_equal(set_at(&s, "9", "x:12"), -1);
	settings_free(&s);
}

static void
sets_addresses(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	take(&s, "OutAddress", "192.0.2.1");
	assert_int_equal(s.out_addresses.spec[0].kind, ADDR_FIXED);
	assert_int_equal(s.out_addresses.spec[0].port, 10025);
	take(&s, "OutAddress", "26");
	assert_int_equal(s.out_addresses.spec[1].kind, ADDR_PORT);
	assert_int_equal(s.out_addresses.spec[1].port, 26);
	take(&s, "Listen", "127.0.0.1: 40245");
	assert_int_equal(s.listens.spec[0].port, 40245);
	take(&s, "Listen", "127.0.0.1");
	assert_int_equal(s.listens.spec[1].port, 10025);
	take(&s, "ClamAddress", "/a/socket");
	assert_string_equal(s.scan.addresses.spec[0].text, "/a/socket");
	take(&s, "ClamAddress", "3310");
	assert_int_equal(s.scan.addresses.spec[1].kind, ADDR_PORT);
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
	assert_int_equal(s.timeout_ms, 1000);
	take(&s, "TimeOut", "+5");
	assert_int_equal(s.timeout_ms, 5000);
	take(&s, "TimeOut", "2147483647");
	assert_int_equal(s.timeout_ms, 2147483000);
	take(&s, "TimeOut", "99999999999");
	assert_int_equal(s.timeout_ms, 2147483000);
	take(&s, "KeepAlives", "2147483648");
	assert_int_equal(s.keep_alives_ms, 2147483000);
	take(&s, "KeepAlives", "99999999999999999999");
	assert_int_equal(s.keep_alives_ms, 2147483000);
	take(&s, "KeepAlives", "30");
	assert_int_equal(s.keep_alives_ms, 30000);
	take(&s, "KeepAlives", "");
	assert_int_equal(s.keep_alives_ms, 0);
	settings_free(&s);
}

static void
sets_words(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	take(&s, "Action", "bounce");
	assert_int_equal(s.policy.action, WHEN_INFECTED_BOUNCE);
	take(&s, "action", "PASS");
	assert_int_equal(s.policy.action, WHEN_INFECTED_PASS);
	take(&s, "ACTION", "Drop");
	assert_int_equal(s.policy.action, WHEN_INFECTED_DROP);
	take(&s, "ScanMode", "Scan");
	assert_int_equal(s.scan.mode, SCAN_MODE_SCAN);
	take(&s, "ScanMode", "stream");
	assert_int_equal(s.scan.mode, SCAN_MODE_STREAM);
	take(&s, "BareNewline", "reject");
	assert_int_equal(s.policy.bare_newline, BARE_NEWLINE_REJECT);
	take(&s, "BareNewline", "repair");
	assert_int_equal(s.policy.bare_newline, BARE_NEWLINE_REPAIR);
	take(&s, "ScanFail", "Pass");
	assert_int_equal(s.policy.scan_fail, WHEN_UNSCANNED_PASS);
	take(&s, "ScanFail", "tempfail");
	assert_int_equal(s.policy.scan_fail, WHEN_UNSCANNED_TEMPFAIL);
	take(&s, "Oversize", "pass");
	assert_int_equal(s.policy.oversize, WHEN_UNSCANNED_PASS);
	take(&s, "Oversize", "reject");
	assert_int_equal(s.policy.oversize, WHEN_UNSCANNED_REJECT);
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

/* Each adds to those before; a wrong one leaves them as they are. */
static void
adds_rules(void **state)
{
	struct settings s;
	char said[1024];

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	take(&s, "VirusRule", "Eicar pass");
	take(&s, "virusrule", "PUA.* bounce");
	assert_int_equal(set(&s, "VirusRule", "PUA.*", said), -1);
	assert_int_equal(s.policy.rules.count, 2);
	take(&s, "Skip", "authenticated");
	take(&s, "Skip", "sender a@b");
	assert_int_equal(set(&s, "Skip", "sender", said), -1);
	assert_int_equal(s.skip.count, 2);
	assert_string_equal(s.policy.rules.list[0].pattern, "Eicar");
	assert_string_equal(s.policy.rules.list[1].pattern, "PUA.*");
	settings_free(&s);
}

/* Texts are copies, which last. */
static void
sets_texts(void **state)
{
	struct settings s;
	char value[] = "one", path[] = "/one";

	(void)state;
	assert_int_equal(settings_init(&s), 0);
	take(&s, "Header", value);
	take(&s, "TempDirectory", path);
	take(&s, "VirusAction", value);
	take(&s, "User", value);
	take(&s, "PidFile", path);
	memset(value, 'x', 3);
	memset(path, 'x', 4);
	assert_string_equal(s.header, "one");
	assert_string_equal(s.temp_directory, "/one");
	assert_string_equal(s.virus_action, "one");
	assert_string_equal(s.user, "one");
	assert_string_equal(s.pid_file, "/one");
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
	assert_int_equal(s.policy.action, WHEN_INFECTED_BOUNCE);
	take(&s, "Action", "pass");
	assert_int_equal(set(&s, "Bounce", "off", said), 0);
	assert_string_equal(said, bounce);
	assert_int_equal(s.policy.action, WHEN_INFECTED_PASS);
	assert_int_equal(set(&s, "Bounce", "x", said), -1);
	assert_non_null(strstr(said, "invalid value for Bounce (" WHERE));
	assert_int_equal(set(&s, "ScanHeader", "X: y", said), 0);
	assert_string_equal(said, header);
	assert_string_equal(s.header, "X: y");
	settings_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(has_the_defaults_of_1_10),
	    cmocka_unit_test(refuses_wrong_values),
	    cmocka_unit_test(says_what_would_be_right),
	    cmocka_unit_test(lists_grow),
	    cmocka_unit_test(sets_addresses),
	    cmocka_unit_test(sets_numbers),
	    cmocka_unit_test(sets_words),
	    cmocka_unit_test(adds_rules),
	    cmocka_unit_test(sets_texts),
	    cmocka_unit_test(the_old_names_still_work),
	};

	log_open("clamsmtpd");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
