/*
 * The program clamsmtpd: its options, its start and its stop.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/pidfile.h"
#include "common/server.h"
#include "common/signals.h"
#include "common/strutil.h"
#include "common/user.h"
#include "src/config/settings_load.h"
#include "src/session/relay.h"
#include "src/smtp/answers.h"
#include "src/mail/spool_dir.h"
#include "src/start/neighbours.h"

#define CONFIG_FILE SYSCONFDIR "/clamsmtpd.conf"
#define EXIT_USAGE 2 /* the command line or the configuration is wrong */
#define DEBUG_LEVEL_MAX 4

/* Descriptors: each session has its client, server, spool and clamd or a copy
 * of the spool; the daemon itself needs a few. */
#define FDS_PER_SESSION 4
#define FDS_OF_DAEMON 32

struct arguments {
	const char *config;
	const char *pid_file; /* NULL: none was given */
	int debug_level; /* -1: none was given */
	bool legacy; /* options of old versions were used */
};

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
set_legacy(struct settings *set, struct arguments *args, const char *option,
    const char *value)
{
	args->legacy = true;
	if (settings_set(set, option, value, "command line") < 0)
		exit(EXIT_USAGE);
}

static void
parse_arguments(
    int argc, char **argv, struct arguments *args, struct settings *set)
{
	const char *option;
	int c;

	while ((c = getopt(argc, argv, "bc:d:D:f:h:l:m:p:qt:v")) != -1) {
		option = legacy_option(c);
		if (option != NULL) {
			set_legacy(
			    set, args, option, optarg == NULL ? "on" : optarg);
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
	if (argc - optind == 1)
		set_legacy(set, args, "OutAddress", argv[optind]);
	if (args->legacy)
		log_warn("please use configuration file instead of "
			 "command-line flags: %s",
		    args->config);
}

static void
configure(struct settings *set, const struct arguments *args)
{
	int rc = settings_load(set, args->config);

	if (rc < 0)
		exit(rc == -1 ? EXIT_USAGE : EXIT_FAILURE);
	if (settings_check(set, args->config) < 0)
		exit(EXIT_USAGE);
	if (args->pid_file != NULL && set->pid_file[0] != '\0')
		log_warn("ignoring pid file specified on the command line. ");
	else if (args->pid_file != NULL &&
	    settings_set(set, "PidFile", args->pid_file, "command line") < 0)
		exit(EXIT_USAGE);
}

/* Whom to become; false: nobody.  Exits when the option User cannot be met. */
static bool
choose_user(const struct settings *set, struct user *user)
{
	if (set->user == NULL) {
		if (geteuid() == 0)
			log_warn("running as root is NOT recommended");
		return false;
	}
	if (user_find(set->user, user) < 0) {
		log_error("couldn't look up user: %s (%s: use the name of a "
			  "user of this system)",
		    set->user, settings_where(set, "User"));
		exit(EXIT_FAILURE);
	}
	if (geteuid() == 0 && user->uid == 0) {
		errno = EPERM;
		log_error(
		    "unable to completely drop privileges: %m (%s: %s has "
		    "those of root; use a user that has none)",
		    settings_where(set, "User"), set->user);
		exit(EXIT_FAILURE);
	}
	if (geteuid() == 0)
		return true;
	if (!user_is(user)) {
		log_error("must be started as root to switch to user: %s (%s)",
		    set->user, settings_where(set, "User"));
		exit(EXIT_FAILURE);
	}
	return false;
}

/* Returns the exit status: EXIT_SUCCESS to go on. */
static int
become(const struct user *user)
{
	if (user_become(user) < 0) {
		log_error("unable to completely drop privileges: %m");
		return EXIT_FAILURE;
	}
	log_debug("switched to user %s (uid %lu, gid %lu)", user->name,
	    (unsigned long)user->uid, (unsigned long)user->gid);
	return EXIT_SUCCESS;
}

/* Ports below 1024 are only root's to bind, so this comes before User. */
static void
open_listener(const struct settings *set, const struct user *user,
    struct listener *listener)
{
	struct addr addr;

	if (addr_resolve(&set->listen, NULL, &addr) < 0) {
		log_error("couldn't resolve Listen: %s (%s: %s)",
		    set->listen.text, settings_where(set, "Listen"),
		    neighbours_unknown_name());
		exit(EXIT_FAILURE);
	}
	if (listener_open(listener, &addr) < 0) {
		log_write(LOG_CRIT, "couldn't bind to address: %s: %m",
		    set->listen.text);
		exit(EXIT_FAILURE);
	}
	if (user != NULL && listener_give(listener, user->uid, user->gid) < 0)
		log_warn("couldn't give the socket to its user: %s: %m",
		    set->listen.text);
	log_debug("created socket: %s", set->listen.text);
}

static void
raise_limits(const struct settings *set)
{
	unsigned long sessions = (unsigned long)set->max_connections;
	unsigned long want = sessions * FDS_PER_SESSION + FDS_OF_DAEMON;
	unsigned long got = daemon_set_limits(want);

	if (got < want)
		log_warn("the system allows %lu descriptors, %lu connections "
			 "would need %lu: raise the limit (ulimit -n, "
			 "LimitNOFILE) or lower MaxConnections",
		    got, sessions, want);
}

/* Returns the exit status: EXIT_SUCCESS to go on. */
static int
prepare_spool(struct settings *set)
{
	const char *dir = set->temp_directory;
	enum spool_dir found = spool_dir_check(dir);
	int removed;

	if (found == SPOOL_DIR_BAD || settings_fix_spool_directory(set) < 0) {
		log_error("invalid setting: TempDirectory (%s: %s: %m)",
		    settings_where(set, "TempDirectory"), dir);
		return EXIT_USAGE;
	}
	if (found == SPOOL_DIR_SHARED)
		log_warn("other users may write to TempDirectory: %s", dir);
	removed = spool_dir_clean(dir);
	if (removed < 0)
		log_debug("couldn't look for left cache files: %s: %m", dir);
	else if (removed > 0)
		log_info("removed %d cache files that were left in: %s",
		    removed, dir);
	return EXIT_SUCCESS;
}

/* Returns the exit status: EXIT_SUCCESS to go on. */
static int
open_pid_file(const struct settings *set, struct pidfile *pid)
{
	const char *path = set->pid_file;

	if (path[0] == '\0')
		return EXIT_SUCCESS;
	if (pidfile_open(pid, path) == 0) {
		log_debug("wrote pid file: %s", path);
		return EXIT_SUCCESS;
	}
	if (errno == EWOULDBLOCK) {
		log_error("another clamsmtpd is running: it holds the pid "
			  "file: %s",
		    path);
		return EXIT_FAILURE;
	}
	log_error("couldn't open pid file: %s: %m", path);
	return EXIT_SUCCESS;
}

/* A new daemon may start from here on. */
static void
give_up_place(
    const struct settings *set, struct listener *listener, struct pidfile *pid)
{
	listener_close(listener);
	if (pidfile_close(pid))
		log_debug("removed pid file: %s", set->pid_file);
}

static const char *
answer_line(enum answer answer, char line[ANSWER_TEXT_MAX + 2])
{
	return strcat(answers_text(answer, line), "\r\n");
}

/* Returns the exit status. */
static int
serve(struct settings *set, struct listener *listener, struct pidfile *pid)
{
	char busy[ANSWER_TEXT_MAX + 2], no_thread[ANSWER_TEXT_MAX + 2];
	const struct server_config config = {
	    .listener = listener,
	    .max_clients = set->max_connections,
	    .busy = answer_line(ANSWER_BUSY, busy),
	    .no_thread = answer_line(ANSWER_NO_THREAD, no_thread),
	    .handle = relay_run,
	    .context = set,
	};
	struct server server;

	if (server_open(&server, &config) < 0) {
		log_error("couldn't start: %m");
		return EXIT_FAILURE;
	}
	/* The one who started us may go, and all is well. */
	daemon_ready();
	log_started();
	server_run(&server);
	give_up_place(set, listener, pid);
	server_drain(&server);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct arguments args = {.config = CONFIG_FILE, .debug_level = -1};
	struct settings set;
	struct user user;
	struct pidfile pid = {0};
	struct listener listener;
	bool change_user;
	int status;

	daemon_open_standard();
	log_open("clamsmtpd");
	if (settings_init(&set) < 0)
		return EXIT_FAILURE;
	parse_arguments(argc, argv, &args, &set);
	configure(&set, &args);
	log_debug("starting up (" PACKAGE_VERSION ")...");
	change_user = choose_user(&set, &user);
	if (args.debug_level < 0 && daemon_detach() < 0) {
		log_error("couldn't run as a daemon: %m");
		return EXIT_FAILURE;
	}
	signals_prepare();
	daemon_prefer_throughput();
	open_listener(&set, change_user ? &user : NULL, &listener);
	raise_limits(&set);
	status = change_user ? become(&user) : EXIT_SUCCESS;
	/* The console is for debugging, which this would forbid. */
	if (args.debug_level < 0)
		daemon_keep_secrets();
	if (status == EXIT_SUCCESS)
		status = prepare_spool(&set);
	if (status == EXIT_SUCCESS)
		status = open_pid_file(&set, &pid);
	if (status == EXIT_SUCCESS)
		neighbours_check(&set);
	if (status == EXIT_SUCCESS)
		status = serve(&set, &listener, &pid);
	give_up_place(&set, &listener, &pid);
	settings_free(&set);
	log_debug("stopped processing");
	return status;
}
