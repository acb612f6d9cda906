/*
 * The start, step by step, and the end.
 *
 * Each step returns an exit status: EXIT_SUCCESS to go on.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/startup.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/pidfile.h"
#include "common/resolver.h"
#include "common/server.h"
#include "common/signals.h"
#include "common/user.h"
#include "src/config/settings_load.h"
#include "src/mail/spool_dir.h"
#include "src/scan/lookout.h"
#include "src/smtp/answers.h"
#include "src/start/listeners.h"
#include "src/start/neighbours.h"
#include "src/start/ways.h"

/*
 * Descriptors that a session has at most: its client, and what its thread keeps
 * for the next message or has for this one; its server; clamd, or the copy of
 * an infected message.
 */
#define FDS_PER_SESSION 4
/* What is not open yet when they are counted: pid file, spool's directory, stop
 * pipe (2), the spare one, a client that is turned away, syslog, the pipe (2)
 * and the connection of the look-out; and some more for what libraries may
 * open. */
#define FDS_OF_DAEMON 15
/* getaddrinfo(3) has one to each of three servers (resolv.conf(5), MAXNS) and
 * one to a file. */
#define FDS_OF_RESOLVER 4

struct startup {
	struct settings *set;
	const struct arguments *args;
	bool change_user; /* to user */
	struct user user;
	int max_clients; /* as many as there are descriptors for */
	struct listeners listeners;
	struct pidfile pid;
	struct clamds clamds;
	struct lookout lookout;
};

static int
configure(struct startup *s)
{
	struct settings *set = s->set;
	const char *pid_file = s->args->pid_file;
	int rc = settings_load(set, s->args->config);

	if (rc < 0)
		return rc == -1 ? EXIT_USAGE : EXIT_FAILURE;
	if (settings_check(set, s->args->config) < 0)
		return EXIT_USAGE;
	if (ways_find_listeners(set) < 0)
		return EXIT_FAILURE;
	if (ways_check(set, false) < 0)
		return EXIT_USAGE;
	if (pid_file != NULL && set->pid_file[0] != '\0')
		log_warn("ignoring pid file specified on the command line. ");
	else if (pid_file != NULL &&
	    settings_set(set, "PidFile", pid_file, "command line") < 0)
		return EXIT_USAGE;
	log_debug("starting up (" PACKAGE_VERSION ")...");
	return EXIT_SUCCESS;
}

/* Root becomes the user; the user himself may start the daemon, too. */
static int
check_user(struct startup *s)
{
	const char *name = s->set->user;
	const char *where = settings_where(s->set, "User");

	s->change_user = geteuid() == 0;
	if (s->change_user && s->user.uid == 0) {
		errno = EPERM;
		log_error(
		    "unable to completely drop privileges: %m (%s: %s has "
		    "those of root; use a user that has none)",
		    where, name);
		return EXIT_FAILURE;
	}
	if (s->change_user || user_is(&s->user))
		return EXIT_SUCCESS;
	log_error("must be started as root to switch to user: %s (%s: start "
		  "it as root or as that user)",
	    name, where);
	return EXIT_FAILURE;
}

static int
choose_user(struct startup *s)
{
	const char *name = s->set->user;

	if (name == NULL) {
		if (geteuid() == 0)
			log_warn("running as root is NOT recommended");
		return EXIT_SUCCESS;
	}
	if (user_find(name, &s->user) == 0)
		return check_user(s);
	log_error("couldn't look up user: %s (%s: use the name of a user of "
		  "this system)",
	    name, settings_where(s->set, "User"));
	return EXIT_FAILURE;
}

static bool
is_detached(const struct startup *s)
{
	return s->args->debug_level < 0;
}

static int
detach(struct startup *s)
{
	if (is_detached(s) && daemon_detach() < 0) {
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
	return listeners_open(
		   &s->listeners, s->set, s->change_user ? &s->user : NULL) < 0
	    ? EXIT_FAILURE
	    : EXIT_SUCCESS;
}

static bool
has_name(const struct addr_list *list)
{
	bool found = false;

	for (size_t i = 0; i < list->count; i++)
		found = found || list->spec[i].kind == ADDR_HOST;
	return found;
}

static unsigned long
descriptors_of_resolver(const struct settings *set)
{
	return has_name(&set->out_addresses) || has_name(&set->scan.addresses)
	    ? FDS_OF_RESOLVER
	    : 0;
}

/*
 * What a session may need is set aside for it, so that a shortage is met where
 * it costs nothing: at the door.
 */
static int
raise_limits(struct startup *s)
{
	unsigned long sessions = (unsigned long)s->set->max_connections;
	const unsigned long each = FDS_PER_SESSION;
	unsigned long own = daemon_count_descriptors() + FDS_OF_DAEMON +
	    descriptors_of_resolver(s->set);
	unsigned long want = sessions * each + own;
	unsigned long got = daemon_set_limits(want);
	unsigned long carried = got < own ? 0 : (got - own) / each;

	s->max_clients = s->set->max_connections;
	if (carried >= sessions)
		return EXIT_SUCCESS;
	s->max_clients = (int)carried;
	log_write(carried == 0 ? LOG_ERR : LOG_WARNING,
	    "the system allows %lu descriptors, which is enough for %lu "
	    "connections at once; %lu would need %lu: raise the limit (ulimit "
	    "-n, LimitNOFILE) or lower MaxConnections",
	    got, carried, sessions, want);
	return carried == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
become_user(struct startup *s)
{
	const struct user *user = &s->user;

	if (s->change_user && user_become(user) < 0) {
		log_error("unable to completely drop privileges: %m");
		return EXIT_FAILURE;
	}
	if (s->change_user)
		log_debug("switched to user %s (uid %lu, gid %lu)", user->name,
		    (unsigned long)user->uid, (unsigned long)user->gid);
	/* The console is for debugging, which this would forbid. */
	if (is_detached(s))
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
	return is_detached(s) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
check_neighbours(struct startup *s)
{
	neighbours_check(s->set);
	return ways_check(s->set, true) < 0 ? EXIT_USAGE : EXIT_SUCCESS;
}

/* The last that can fail, as it is to be stopped. */
static int
watch_clamds(struct startup *s)
{
	struct scan_config *scan = &s->set->scan;

	if (clamds_open(&s->clamds, scan) < 0) {
		log_error("couldn't start: %m");
		return EXIT_FAILURE;
	}
	if (lookout_start(&s->lookout, &s->clamds) < 0) {
		log_error("couldn't start: %m");
		clamds_close(&s->clamds);
		return EXIT_FAILURE;
	}
	scan->clamds = &s->clamds;
	return EXIT_SUCCESS;
}

static void
leave_clamds(struct startup *s)
{
	if (s->set->scan.clamds == NULL)
		return;
	s->set->scan.clamds = NULL;
	lookout_stop(&s->lookout);
	clamds_close(&s->clamds);
}

/* "Listen /a, /b, " */
static void
put_list(struct strbuf *line, const char *name, const struct addr_list *list)
{
	strbuf_puts(line, name);
	for (size_t i = 0; i < list->count; i++) {
		strbuf_puts(line, " ");
		strbuf_puts(line, list->spec[i].text);
		strbuf_puts(line, ",");
	}
	strbuf_puts(line, " ");
}

/* What syslog tells for good; on a console it is plain. */
static void
announce(const struct startup *s, const char *what)
{
	const struct settings *set = s->set;
	const struct passwd *pw = getpwuid(geteuid());
	struct strbuf line = {0};

	if (!is_detached(s))
		return;
	put_list(&line, "Listen", &set->listens);
	if (set->transparent_proxy)
		strbuf_puts(&line, "OutAddress (transparent proxy), ");
	else
		put_list(&line, "OutAddress", &set->out_addresses);
	put_list(&line, "ClamAddress", &set->scan.addresses);
	log_write(LOG_NOTICE, "%s (" PACKAGE_VERSION "): %suser %s", what,
	    strbuf_str(&line), pw == NULL ? "unknown" : pw->pw_name);
	strbuf_free(&line);
}

/* A new daemon may start from here on. */
static void
give_up_place(struct startup *s)
{
	listeners_close(&s->listeners);
	if (pidfile_close(&s->pid))
		log_debug("removed pid file: %s", s->set->pid_file);
}

static const char *
answer_line(enum answer answer, char line[ANSWER_TEXT_MAX + 2])
{
	return strcat(answers_text(answer, false, line), "\r\n");
}

static int
serve_until_stopped(struct startup *s,
    void (*serve)(struct workers_client *client, void *context))
{
	char busy[ANSWER_TEXT_MAX + 2], no_thread[ANSWER_TEXT_MAX + 2];
	const struct server_config config = {
	    .listeners = s->listeners.at,
	    .listener_count = s->listeners.count,
	    .max_clients = s->max_clients,
	    .busy = answer_line(ANSWER_BUSY, busy),
	    .no_thread = answer_line(ANSWER_NO_THREAD, no_thread),
	    .handle = serve,
	    .context = s->set,
	};
	struct server server;

	if (server_open(&server, &config) < 0) {
		log_error("couldn't start: %m");
		return EXIT_FAILURE;
	}
	/* The one who started us may go, and all is well. */
	daemon_ready();
	log_started();
	announce(s, "started");
	server_run(&server);
	give_up_place(s);
	server_drain(&server);
	resolver_stop();
	announce(s, "stopped");
	log_debug("stopped processing");
	return EXIT_SUCCESS;
}

int
startup_run(struct settings *set, const struct arguments *args,
    void (*serve)(struct workers_client *client, void *context))
{
	static int (*const steps[])(struct startup *) = {configure, choose_user,
	    detach, open_listeners, raise_limits, become_user, prepare_spool,
	    open_pid_file, check_neighbours, watch_clamds};
	struct startup s = {.set = set, .args = args};
	int status = EXIT_SUCCESS;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		status = steps[i](&s);
		if (status != EXIT_SUCCESS)
			break;
	}
	if (status == EXIT_SUCCESS)
		status = serve_until_stopped(&s, serve);
	leave_clamds(&s);
	give_up_place(&s);
	return status;
}
