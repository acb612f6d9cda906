/*
 * The start, step by step, and the end.
 *
 * Each step returns an exit status: EXIT_SUCCESS to go on.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/startup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/handover.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/pidfile.h"
#include "common/resolver.h"
#include "common/server.h"
#include "common/signals.h"
#include "src/config/settings_current.h"
#include "src/config/settings_load.h"
#include "src/mail/counters.h"
#include "src/mail/spool_dir.h"
#include "src/smtp/answers.h"
#include "src/start/announcement.h"
#include "src/start/identity.h"
#include "src/start/limits.h"
#include "src/start/listeners.h"
#include "src/start/neighbours.h"
#include "src/start/reload.h"
#include "src/start/stats.h"
#include "src/start/ways.h"

#define LAST_WORD_MAX 64 /* octets of one of ours with its NUL */

struct startup {
	struct settings *set;
	const struct arguments *args;
	void (*serve)(
	    struct workers_client *client, const struct settings *set);
	struct identity identity;
	unsigned long own_descriptors;
	int max_clients; /* as many as there are descriptors for */
	struct listeners listeners;
	struct pidfile pid;
	struct settings_current current;
	struct reload_config reload_config;
	struct reload reload;
	struct stats stats;
};

static int
configure(struct startup *s)
{
	struct settings *set = s->set;
	int rc = arguments_apply_old(s->args, set);

	if (rc < 0)
		return EXIT_USAGE;
	rc = settings_load(set, s->args->config);
	if (rc < 0)
		return rc == -1 ? EXIT_USAGE : EXIT_FAILURE;
	if (settings_check(set, s->args->config) < 0)
		return EXIT_USAGE;
	if (handover_count() > 0) {
		if (listeners_adopt(&s->listeners, set) < 0)
			return EXIT_USAGE;
	} else if (ways_find_listeners(set) < 0)
		return EXIT_FAILURE;
	if (ways_check(set, false) < 0 ||
	    arguments_apply_pid_file(s->args, set) < 0)
		return EXIT_USAGE;
	log_debug("starting up (" PACKAGE_VERSION ")...");
	return EXIT_SUCCESS;
}

static int
choose_user(struct startup *s)
{
	return identity_choose(&s->identity, s->set) < 0 ? EXIT_FAILURE
							 : EXIT_SUCCESS;
}

/* Without a console: the log is syslog's. */
static bool
is_service(const struct startup *s)
{
	return s->args->debug_level < 0;
}

/* A service manager that waits for our word looks after this very process. */
static int
detach(struct startup *s)
{
	if (!is_service(s))
		;
	else if (notify_is_wanted() ? chdir("/") < 0 : daemon_detach() < 0) {
		log_error("couldn't run as a daemon: %m");
		return EXIT_FAILURE;
	}
	signals_prepare();
	daemon_prefer_throughput();
	resolver_start();
	return EXIT_SUCCESS;
}

/* Ports below 1024 are only root's to bind, so this comes before User. */
static int
open_listeners(struct startup *s)
{
	const struct identity *id = &s->identity;

	if (handover_count() > 0)
		return EXIT_SUCCESS;
	return listeners_open(
		   &s->listeners, s->set, id->changes ? &id->user : NULL) < 0
	    ? EXIT_FAILURE
	    : EXIT_SUCCESS;
}

static int
raise_limits(struct startup *s)
{
	s->own_descriptors = limits_own();
	s->max_clients = limits_raise(s->set, s->own_descriptors);
	return s->max_clients == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SIGHUP would change nothing. */
static void
check_file(const struct startup *s)
{
	if (access(s->args->config_path, R_OK) < 0 && errno == EACCES)
		log_warn("the daemon's user may not read %s, so it cannot be "
			 "read again (SIGHUP)",
		    s->args->config);
}

static int
become_user(struct startup *s)
{
	if (identity_become(&s->identity) < 0)
		return EXIT_FAILURE;
	check_file(s);
	/* The console is for debugging, which this would forbid. */
	if (is_service(s))
		daemon_keep_secrets();
	return EXIT_SUCCESS;
}

static int
prepare_spool(struct startup *s)
{
	const char *dir = s->set->temp_directory;
	enum spool_dir found = spool_dir_check(dir);
	int removed, status;

	if (found == SPOOL_DIR_BAD ||
	    settings_fix_spool_directory(s->set) < 0) {
		/* It may be on a file system that is mounted later. */
		status = errno == ENOTDIR ? EXIT_USAGE : EXIT_FAILURE;
		log_error("invalid setting: TempDirectory (%s: %s: %m)",
		    settings_where(s->set, "TempDirectory"), dir);
		return status;
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

static int
open_pid_file(struct startup *s)
{
	const char *path = s->set->pid_file;

	if (path[0] == '\0')
		return EXIT_SUCCESS;
	if (pidfile_open(&s->pid, path) == 0) {
		log_debug("wrote pid file: %s", path);
		return EXIT_SUCCESS;
	}
	if (errno == EWOULDBLOCK) {
		log_error("another clamsmtpd is running: it holds the pid "
			  "file: %s",
		    path);
		return EXIT_FAILURE;
	}
	log_error("couldn't open pid file: %s: %m (%s)", path,
	    settings_where(s->set, "PidFile"));
	/* Nobody could find it again to stop it. */
	return is_service(s) && !notify_is_wanted() ? EXIT_FAILURE
						    : EXIT_SUCCESS;
}

/* A stop ends the wait. */
static bool
take_rest(void *none, int ms)
{
	(void)none;
	(void)signals_poll(NULL, 0, ms);
	return !signals_stop();
}

static int
check_neighbours(struct startup *s)
{
	neighbours_look_up(s->set, take_rest, NULL);
	neighbours_check(s->set, take_rest, NULL);
	return ways_check(s->set, true) < 0 ? EXIT_USAGE : EXIT_SUCCESS;
}

/* What syslog tells for good; on a console it is plain. */
static void
announce(const struct startup *s, const char *what)
{
	if (is_service(s))
		announcement_log(what, s->set);
}

/* A new daemon may start from here on. */
static void
give_up_place(struct startup *s)
{
	listeners_close(&s->listeners);
	if (pidfile_close(&s->pid))
		log_debug("removed pid file: %s", s->set->pid_file);
}

static int
failed_to_start(void)
{
	log_error("couldn't start: %m");
	return EXIT_FAILURE;
}

static const char *
answer_line(enum answer answer, char line[LAST_WORD_MAX])
{
	snprintf(line, LAST_WORD_MAX, "%s\r\n", answers_text(answer, false));
	return line;
}

static void
draining(int clients)
{
	char status[64];

	snprintf(status, sizeof status, "finishing the last %d connections",
	    clients);
	notify_still_stopping(2 * WORKERS_TELL_MS, status);
}

/* Thread body: a session keeps the settings that it began with. */
static void
serve_session(struct workers_client *client, void *startup)
{
	struct startup *s = startup;
	const struct settings *set = settings_current_take(&s->current);

	counters_begin_session();
	s->serve(client, set);
	counters_end_session();
	settings_current_give_back(&s->current, set);
}

static void
count_turned_away(void)
{
	counters_add_refusal(COUNTERS_BUSY);
}

/* The server is open, and is drained by the caller. */
static int
serve_until_stopped(struct startup *s, struct server *server)
{
	s->reload_config = (struct reload_config){
	    .args = s->args,
	    .first = s->set,
	    .current = &s->current,
	    .server = server,
	    .own_descriptors = s->own_descriptors + LIMITS_OF_RELOAD,
	};
	if (reload_start(&s->reload, &s->reload_config) < 0)
		return failed_to_start();
	/* The one who started us may go, and all is well. */
	daemon_ready();
	log_started();
	announce(s, "started");
	notify_ready("serving");
	server_run(server);
	stats_leave(&s->stats);
	give_up_place(s);
	reload_stop(&s->reload);
	notify_stopping("finishing the last connections");
	return EXIT_SUCCESS;
}

static int
open_and_serve(struct startup *s)
{
	char busy[LAST_WORD_MAX], no_thread[LAST_WORD_MAX];
	const struct server_config config = {
	    .listeners = s->listeners.at,
	    .listener_count = s->listeners.count,
	    .max_clients = s->max_clients,
	    .busy = answer_line(ANSWER_BUSY, busy),
	    .no_thread = answer_line(ANSWER_NO_THREAD, no_thread),
	    .handle = serve_session,
	    .turned_away = count_turned_away,
	    .draining = draining,
	    .context = s,
	};
	struct server server;
	int status;

	if (server_open(&server, &config) < 0)
		return failed_to_start();
	status = serve_until_stopped(s, &server);
	server_drain(&server);
	resolver_stop();
	if (status != EXIT_SUCCESS)
		return status;
	announce(s, "stopped");
	log_debug("stopped processing");
	return EXIT_SUCCESS;
}

/* With a version of the settings for the sessions, and what goes with it. */
static int
serve_clients(struct startup *s)
{
	int status;

	if (settings_current_open(&s->current, s->set) < 0)
		return failed_to_start();
	if (stats_start(&s->stats, &s->current) < 0)
		status = failed_to_start();
	else {
		status = open_and_serve(s);
		stats_stop(&s->stats);
	}
	settings_current_close(&s->current);
	return status;
}

int
startup_run(struct settings *set, const struct arguments *args,
    void (*session)(struct workers_client *client, const struct settings *set))
{
	static int (*const steps[])(struct startup *) = {configure, choose_user,
	    detach, open_listeners, raise_limits, become_user, prepare_spool,
	    open_pid_file, check_neighbours, serve_clients};
	struct startup s = {.set = set, .args = args, .serve = session};
	int status = EXIT_SUCCESS;

	for (size_t i = 0;
	     i < sizeof steps / sizeof steps[0] && status == EXIT_SUCCESS; i++)
		status = steps[i](&s);
	give_up_place(&s);
	return status;
}
