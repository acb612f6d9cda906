/*
 * What is said on standard error, caught for a test.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_UNIT_SAID_H
#define TESTS_UNIT_SAID_H

#include <unistd.h>

#include "tests/unit/unit.h"

/* Standard error goes to this file, so the test sees what is said. */
static FILE *said_file;
static int real_stderr;

static inline void
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
static inline void
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

#endif
