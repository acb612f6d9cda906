/*
 * What is done about a virus: the copy and the administrator's program.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/infection.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/party.h"

#define WIRE "A: b\r\n\r\nworm\r\n.\r\n"
#define CONTENT "A: b\r\n\r\nworm\r\n"

static char dir[] = "/tmp/clamsmtpd-unit.XXXXXX";

static void
expect_file(const char *path, const char *want)
{
	char got[256];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, got, sizeof got);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, (size_t)n);
	assert_int_equal(close(fd), 0);
}

static void
keeps_a_copy(void **state)
{
	struct strbuf path = {0};
	struct content content;

	(void)state;
	content_open(&content, dir, NULL, false);
	(void)content_take(&content, WIRE, strlen(WIRE));
	content_finish(&content);
	assert_int_equal(infection_keep(&content, &path), 0);
	expect_file(strbuf_str(&path), CONTENT);
	assert_int_equal(unlink(strbuf_str(&path)), 0);
	strbuf_free(&path);
	/* Nothing is left of one that could not be kept. */
	content.spool.dir = "/nonexistent";
	assert_int_equal(infection_keep(&content, &path), -1);
	assert_int_equal(path.len, 0);
	content_close(&content);
}

static void
tells_what_is_known(void **state)
{
	char command[512], out[64], ready[64];
	struct settings set = {.virus_action = command, .temp_directory = dir};
	struct session s = {.set = &set};
	struct strbuf virus = {0}, copy = {0};
	struct stat st;

	(void)state;
	snprintf(out, sizeof out, "%s/out", dir);
	snprintf(ready, sizeof ready, "%s/ready", dir);
	snprintf(command, sizeof command,
	    "echo $SENDER $RECIPIENTS $VIRUS $EMAIL >%s; mv %s %s", out, out,
	    ready);
	envelope_add_sender(&s.envelope, "FROM:<a@b>", 10);
	envelope_add_recipient(&s.envelope, "TO:<c@d>", 8);
	envelope_add_recipient(&s.envelope, "TO:<e@f>", 8);
	strbuf_puts(&virus, "Worm");
	strbuf_puts(&copy, "/copy");
	infection_tell(&s, &virus, &copy);
	for (int i = 0; i < 2000 && stat(ready, &st) < 0; i++)
		(void)poll(NULL, 0, 10);
	expect_file(ready, "a@b c@d e@f Worm /copy\n");
	assert_int_equal(unlink(ready), 0);
	envelope_clear(&s.envelope);
	strbuf_free(&virus);
	strbuf_free(&copy);
}

static int
make_directory(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_a_copy),
	    cmocka_unit_test(tells_what_is_known),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
