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

static void
usage(void)
{
	fputs("usage: clamsmtpd [-d debuglevel] [-f configfile] "
	      "[-p pidfile]\n"
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

static void
set_legacy(struct settings *set, const char *option, const char *value)
{
	if (settings_set(set, option, value, SETTINGS_COMMAND_LINE) < 0)
		exit(EXIT_USAGE);
}

void
arguments_parse(
    int argc, char **argv, struct arguments *args, struct settings *set)
{
	const char *option;
	bool legacy = false;
	int c;

	*args = (struct arguments){.config = CONFIG_FILE, .debug_level = -1};
	while ((c = getopt(argc, argv, "bc:d:D:f:h:l:m:p:qt:v")) != -1) {
		option = legacy_option(c);
		if (option != NULL) {
			legacy = true;
			set_legacy(set, option, optarg == NULL ? "on" : optarg);
			continue;
		}
		switch (c) {
		case 'd':
			args->debug_level = parse_debug_level(optarg);
			log_to_console(args->debug_level);
			break;
		case 'f':
			args->config = optarg;
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
	if (argc - optind > 1)
		usage();
	if (argc - optind == 1) {
		legacy = true;
		set_legacy(set, "OutAddress", argv[optind]);
	}
	if (legacy)
		log_warn("please use configuration file instead of "
			 "command-line flags: %s",
		    args->config);
}
