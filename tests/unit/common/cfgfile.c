/*
 * Files of "Name: value" lines: what was read is written down as a text.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/cfgfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/strbuf.h"
#include "tests/unit/unit.h"

static int
on_option(void *context, unsigned line, const char *name, const char *value)
{
	struct strbuf *seen = context;
	char number[16];

	snprintf(number, sizeof number, "%u[", line);
	strbuf_puts(seen, number);
	strbuf_puts(seen, name);
	strbuf_puts(seen, "|");
	strbuf_puts(seen, value);
	strbuf_puts(seen, "]");
	return strcmp(name, "Stop") == 0 ? -1 : 0;
}

static void
on_error(
    void *context, unsigned line, enum cfgfile_error error, const char *text)
{
	static const char *const names[] = {
	    [CFGFILE_NO_COLON] = "no colon",
	    [CFGFILE_NO_NAME] = "no name",
	    [CFGFILE_NUL] = "NUL",
	};
	struct strbuf *seen = context;
	char number[16];

	snprintf(number, sizeof number, "%u(", line);
	strbuf_puts(seen, number);
	strbuf_puts(seen, names[error]);
	strbuf_puts(seen, ": ");
	strbuf_puts(seen, text);
	strbuf_puts(seen, ")");
}

static const struct {
	struct text file;
	int rc;
	struct text seen;
} cases[] = {
    {T(""), 0, T("")},
    {T("A: b\n"), 0, T("1[A|b]")},
    {T("A: b"), 0, T("1[A|b]")},
    {T("A:b\n"), 0, T("1[A|b]")},
    {T("A: b\nC: d\n"), 0, T("1[A|b]2[C|d]")},
    {T("A: b\r\nC: d\r\n"), 0, T("1[A|b]2[C|d]")},
    {T(" \tA \t: \t b \t\v\r\n"), 0, T("1[A|b]")},
    {T("A: b c\n"), 0, T("1[A|b c]")},
    {T("A: b:c: d\n"), 0, T("1[A|b:c: d]")},
    {T("A:\n"), 0, T("1[A|]")},
    {T("A: \n"), 0, T("1[A|]")},
    {T("A::\n"), 0, T("1[A|:]")},
    {T("a b: c\n"), 0, T("1[a b|c]")},
    {T("A: \"b\" 'c' \\n\n"), 0, T("1[A|\"b\" 'c' \\n]")},
    {T("A: b\nA: c\n"), 0, T("1[A|b]2[A|c]")},
    {T("A: b\rC: d\n"), 0, T("1[A|b\rC: d]")},
    {T("A: \303\251\377\n"), 0, T("1[A|\303\251\377]")},
    /* Comments are lines of their own; blank lines count. */
    {T("# x\nA: b\n"), 0, T("2[A|b]")},
    {T(" \t# x: y\n\n  \n\t\r\nA: b\n"), 0, T("5[A|b]")},
    {T("#\n"), 0, T("")},
    {T("A: b # c\n"), 0, T("1[A|b # c]")},
    {T("A#: b\n"), 0, T("1[A#|b]")},
    /* What is wrong ends nothing. */
    {T("A: b\nword\nC: d\n"), -1, T("1[A|b]2(no colon: word)3[C|d]")},
    {T("  two words \n"), -1, T("1(no colon: two words)")},
    {T(": b\n"), -1, T("1(no name: )")},
    {T("  : b\n"), -1, T("1(no name: )")},
    {T(":"), -1, T("1(no name: )")},
    {T("\357\273\277A\n"), -1, T("1(no colon: \357\273\277A)")},
    {T("A: b\0c\nC: d\n"), -1, T("1(NUL: A: b)2[C|d]")},
    {T("A: b\n\0\nC: d\n"), -1, T("1[A|b]2(NUL: )3[C|d]")},
    {T("# x\0\nA: b\n"), -1, T("1(NUL: # x)2[A|b]")},
    {T("Stop: b\nC: d\n"), -1, T("1[Stop|b]2[C|d]")},
};

static void
parses_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct strbuf seen = {0};
		const struct cfgfile_handler h = {
		    .option = on_option, .error = on_error, .context = &seen};
		int rc = cfgfile_parse(cases[i].file.p, cases[i].file.len, &h);

		expect_text(
		    cases[i].file, strbuf_str(&seen), seen.len, cases[i].seen);
		expect_number(cases[i].file, "rc", rc, cases[i].rc);
		strbuf_free(&seen);
	}
}

#define TEMPORARY "/tmp/clamsmtpd-unit.XXXXXX" /* for mkstemp(3) */

static void
expect_read_back(const char *content, size_t len)
{
	char path[] = TEMPORARY, *text = NULL;
	size_t got = 0;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(close(fd), 0);
	assert_int_equal(cfgfile_read(path, &text, &got), 0);
	assert_int_equal(unlink(path), 0);
	expect_text(
	    (struct text)T("a file"), text, got, (struct text){content, len});
	free(text);
}

static void
reads_whole_files(void **state)
{
	static char large[200000];

	(void)state;
	memset(large, 'x', sizeof large);
	expect_read_back("", 0);
	expect_read_back("A: b\0\n", 6);
	expect_read_back(large, 65535);
	expect_read_back(large, 65536);
	expect_read_back(large, 65537);
	expect_read_back(large, sizeof large);
}

static void
says_why_a_file_cannot_be_read(void **state)
{
	char path[] = TEMPORARY, *text = NULL;
	size_t len;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	/* A hole takes no room on the disk. */
	assert_int_equal(ftruncate(fd, ((off_t)16 << 20) + 1), 0);
	assert_int_equal(close(fd), 0);
	errno = 0;
	assert_int_equal(cfgfile_read(path, &text, &len), -2);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(unlink(path), 0);
	errno = 0;
	assert_int_equal(cfgfile_read(path, &text, &len), -1);
	assert_int_equal(errno, ENOENT);
	errno = 0;
	assert_int_equal(cfgfile_read("/", &text, &len), -2);
	assert_int_equal(errno, EISDIR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_lines),
	    cmocka_unit_test(reads_whole_files),
	    cmocka_unit_test(says_why_a_file_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
