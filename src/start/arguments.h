/*
 * The command line.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_ARGUMENTS_H
#define SRC_START_ARGUMENTS_H

#include <limits.h>
#include <stdbool.h>

#include "src/config/settings.h"

#define EXIT_USAGE 2 /* the command line or the configuration is wrong */

enum arguments_purpose {
	ARGUMENTS_SERVE,
	ARGUMENTS_CHECK, /* -n: is the configuration right? */
	ARGUMENTS_TEST /* -T: what do the clamds find? */
};

struct arguments {
	enum arguments_purpose purpose;
	int argc;
	char **argv;
	const char *config; /* the configuration file */
	char config_path[PATH_MAX]; /* the same, from wherever we are */
	const char *pid_file; /* NULL: none was given */
	int debug_level; /* -1: none was given */
};

/*
 * Read the command line.  The texts of args are argv's.  Ends the process with
 * the version, or with what is wrong and an exit status other than 0.
 */
void arguments_parse(int argc, char **argv, struct arguments *args);

/*
 * Before the file is read: let set have what flags of old versions say.  Returns
 * 0, or -1 after an error was logged.
 */
int arguments_apply_old(const struct arguments *args, struct settings *set);

/* When the file has been read: its PidFile, or else that of -p.  As before. */
int arguments_apply_pid_file(
    const struct arguments *args, struct settings *set);

#endif
