/*
 * The command line.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_ARGUMENTS_H
#define SRC_START_ARGUMENTS_H

#include <stdbool.h>

#include "src/config/settings.h"

#define EXIT_USAGE 2 /* the command line or the configuration is wrong */

struct arguments {
	const char *config; /* the configuration file */
	const char *pid_file; /* NULL: none was given */
	int debug_level; /* -1: none was given */
};

/*
 * Read the command line; options of old versions go into set.  The texts of
 * args are argv's.  Ends the process with the version, or with what is wrong
 * and an exit status other than 0.
 */
void arguments_parse(
    int argc, char **argv, struct arguments *args, struct settings *set);

#endif
