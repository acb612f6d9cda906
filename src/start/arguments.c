/*
 * The command line.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/strutil.h"

#define CONFIG_FILE SYSCONFDIR "/clamsmtpd.conf"
#define DEBUG_LEVEL_MAX 4
#define FLAGS "bc:d:D:f:h:l:m:np:qt:Tv"

static void
usage(void)
{
	fputs("usage: clamsmtpd [-d debuglevel] [-f configfile] "
	      "[-p pidfile]\n"
	      "       clamsmtpd -n | -T [-f configfile]\n"
	      "       clamsmtpd -v\n",
	    stderr);
	exit(EXIT_USAGE);
}

static void
print_version(void)
{
	puts("clamsmtpd (version " PACKAGE_VERSION ")\n"
	     "          (config: " CONFIG_FILE ")");
	exit(EXIT_SUCCESS);
}

static int
parse_debug_level(const char *text)
{
	long level;

	if (str_number(text, 0, DEBUG_LEVEL_MAX, &level) < 0) {
		if (errno == EINVAL) {
			log_error("invalid debug log level (command line: "
				  "-d %s: use a number from 0 to 4)",
			    text);
			exit(EXIT_FAILURE);
		}
		log_error("invalid debug log level (must be between 1 and 4) "
			  "(command line: -d %s: use a number from 0 to 4)",
		    text);
		exit(EXIT_USAGE);
	}
	return (int)level;
}

/* The option that a flag of old versions stands for, or NULL. */
static const char *
legacy_option(int flag)
{
	switch (flag) {
	case 'b':
		return "Bounce";
	case 'c':
		return "ClamAddress";
	case 'D':
		return "TempDirectory";
	case 'h':
		return "Header";
	case 'l':
		return "Listen";
	case 'm':
		return "MaxConnections";
	case 'q':
		return "Quarantine";
	case 't':
		return "TimeOut";
	default:
		return NULL;
	}
}

/* What the file is called when we have gone to "/". */
static void
fix_path(struct arguments *args)
{
	char here[PATH_MAX / 2];

	if (*args->config == '/' || getcwd(here, sizeof here) == NULL)
		*here = '\0';
	snprintf(args->config_path, sizeof args->config_path, "%s%s%s", here,
	    *here == '\0' ? "" : "/", args->config);
}

/* A flag that is no option of old versions. */
static void
take_flag(struct arguments *args, int flag)
{
	switch (flag) {
	case 'd':
		args->debug_level = parse_debug_level(optarg);
		log_to_console(args->debug_level);
		break;
	case 'f':
		args->config = optarg;
		break;
	case 'n':
		args->purpose = ARGUMENTS_CHECK;
		break;
	case 'T':
		args->purpose = ARGUMENTS_TEST;
		break;
	case 'p':
		args->pid_file = optarg;
		break;
	case 'v':
		print_version();
		break;
	default:
		usage();
	}
}

void
arguments_parse(int argc, char **argv, struct arguments *args)
{
	int c;

	*args = (struct arguments){.argc = argc,
	    .argv = argv,
	    .config = CONFIG_FILE,
	    .debug_level = -1};
	while ((c = getopt(argc, argv, FLAGS)) != -1) {
		if (legacy_option(c) == NULL)
			take_flag(args, c);
	}
	if (argc - optind > 1)
		usage();
	fix_path(args);
}

int
arguments_apply_old(const struct arguments *args, struct settings *set)
{
	const char *option;
	bool any = false;
	int c;

	optind = 1;
	while ((c = getopt(args->argc, args->argv, FLAGS)) != -1) {
		option = legacy_option(c);
		if (option == NULL)
			continue;
		any = true;
		if (settings_set(set, option, optarg == NULL ? "on" : optarg,
			SETTINGS_COMMAND_LINE) < 0)
			return -1;
	}
	if (optind < args->argc) {
		any = true;
		if (settings_set(set, "OutAddress", args->argv[optind],
			SETTINGS_COMMAND_LINE) < 0)
			return -1;
	}
	if (any)
		log_warn("please use configuration file instead of "
			 "command-line flags: %s",
		    args->config);
	return 0;
}

int
arguments_apply_pid_file(const struct arguments *args, struct settings *set)
{
	if (args->pid_file == NULL)
		return 0;
	if (set->pid_file[0] == '\0')
		return settings_set(
		    set, "PidFile", args->pid_file, SETTINGS_COMMAND_LINE);
	log_warn("ignoring pid file specified on the command line. ");
	return 0;
}
