/*
 * SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 the clamsmtpd contributors
 *
 * To be preloaded: makes allocations fail as test_memory.py wants them to.
 * FAIL_MALLOC names a file of two ints that is shared with the test: how many
 * allocations still to count, of which the last one fails, and whether all
 * behind it fail as well.  0 and 0: none fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static struct {
	atomic_int countdown, all;
} *wish;

static __attribute__((constructor)) void
begin(void)
{
	const char *path = getenv("FAIL_MALLOC");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof *wish, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p != MAP_FAILED)
		wish = p;
}

static bool
fails(void)
{
	int left;

	if (wish == NULL)
		return false;
	left = atomic_load(&wish->countdown);
	while (left > 0 &&
	    !atomic_compare_exchange_weak(&wish->countdown, &left, left - 1))
		;
	if (left == 1 || (left == 0 && atomic_load(&wish->all) != 0)) {
		errno = ENOMEM;
		return true;
	}
	return false;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
