/*
 * Runs a fuzz target over files, so plain make check replays the seeds without
 * libFuzzer: over those given, or over the seeds of the target by whose name
 * ("X.replay") it was called, below $srcdir.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define FILE_MAX ((size_t)1 << 20) /* octets; seeds are small */

static void
fail(const char *path)
{
	perror(path);
	exit(EXIT_FAILURE);
}

static void
run_file(const char *path)
{
	uint8_t *data = malloc(FILE_MAX), *exact;
	FILE *f = fopen(path, "rb");
	size_t len;

	if (data == NULL || f == NULL)
		fail(path);
	len = fread(data, 1, FILE_MAX, f);
	if (ferror(f))
		fail(path);
	(void)fclose(f);
	/* Of the exact size, so reading behind its end is found. */
	exact = malloc(len == 0 ? 1 : len);
	if (exact == NULL)
		fail(path);
	memcpy(exact, data, len);
	free(data);
	printf("%s\n", path);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

static void
run_directory(const char *dir)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, alphasort), ran = 0;
	char path[PATH_MAX + NAME_MAX + 2];

	if (n < 0)
		fail(dir);
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.') {
			snprintf(path, sizeof path, "%s/%s", dir,
			    entries[i]->d_name);
			run_file(path);
			ran++;
		}
		free(entries[i]);
	}
	free(entries);
	if (ran == 0) {
		(void)fprintf(stderr, "no seeds in %s\n", dir);
		exit(EXIT_FAILURE);
	}
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = strrchr(argv[0], '/');
	char dir[PATH_MAX];

	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc > 1)
		return EXIT_SUCCESS;
	name = name == NULL ? argv[0] : name + 1;
	snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/%.*s",
	    srcdir == NULL ? "." : srcdir, (int)strcspn(name, "."), name);
	run_directory(dir);
	return EXIT_SUCCESS;
}
