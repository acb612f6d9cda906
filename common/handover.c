/*
 * Sockets from the service manager.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/handover.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/strutil.h"

/* Written by handover_open, before there are threads. */
static int count;

static long
number_of(const char *name)
{
	const char *text = getenv(name);
	long n;

	if (text == NULL || str_number(text, 0, INT_MAX, &n) < 0)
		return 0;
	return n;
}

/* What was left open for us, or by mistake, is for no program that we start. */
static void
keep_inherited(void)
{
	DIR *all = opendir("/dev/fd"); /* fd(4); proc(5) on Linux */
	const struct dirent *e;
	long fd;

	if (all == NULL)
		return;
	while ((e = readdir(all)) != NULL)
		if (str_number(e->d_name, HANDOVER_FIRST_FD, INT_MAX, &fd) == 0)
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	(void)closedir(all);
}

void
handover_open(void)
{
	static const char *const names[] = {
	    "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"};

	keep_inherited();
	if (number_of("LISTEN_PID") == getpid())
		count = (int)number_of("LISTEN_FDS");
	for (int i = 0; i < count; i++)
		if (fcntl(HANDOVER_FIRST_FD + i, F_SETFD, FD_CLOEXEC) < 0) {
			/* There are no more than that. */
			count = i;
			break;
		}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unsetenv(names[i]);
}

int
handover_count(void)
{
	return count;
}
