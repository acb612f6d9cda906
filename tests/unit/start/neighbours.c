/*
 * The look at clamd at the start.  No name is looked up.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/neighbours.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/listener.h"
#include "common/log.h"
#include "tests/unit/said.h"

#define WHERE "/x/c.conf:3"

static bool
go_on(void *context, int ms)
{
	(void)context;
	(void)ms;
	return true;
}

/* What is said when clamd should be at the path. */
static void
check(const char *path, char said[1024])
{
	struct settings s;

	assert_int_equal(settings_init(&s), 0);
	assert_int_equal(settings_set(&s, "OutAddress", "25", WHERE), 0);
	assert_int_equal(settings_set(&s, "ClamAddress", path, WHERE), 0);
	catch_stderr();
	neighbours_check(&s, go_on, NULL);
	release_stderr(said, 1024);
	settings_free(&s);
}

static void
clamd_is_missed(void **state)
{
	char said[1024];

	(void)state;
	check("/nonexistent/clamd", said);
	assert_string_equal(said,
	    "clamsmtpd: couldn't connect to ClamAddress: /nonexistent/clamd: "
	    "No such file or directory (" WHERE
	    ": start clamd, or use the LocalSocket of clamd.conf; "
	    "mail is deferred until then)\n");
}

/* A path without a listener, then with one. */
static void
clamd_takes_connections(void **state)
{
	char dir[] = "/tmp/clamsmtpd-unit.XXXXXX", path[64], said[1024];
	struct addr_spec spec;
	struct listener l;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/clamd", dir);
	assert_int_equal(addr_spec_parse(&spec, path, 0), 0);
	assert_int_equal(listener_open(&l, &spec.addr, NULL), 0);
	check(path, said);
	assert_string_equal(said, "");
	(void)close(l.fd); /* the file stays */
	check(path, said);
	assert_non_null(strstr(said,
	    "Connection refused (" WHERE
	    ": start clamd, or use the address that it listens at; "));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clamd_is_missed),
	    cmocka_unit_test(clamd_takes_connections),
	};

	log_open("clamsmtpd");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
