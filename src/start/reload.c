/*
 * SIGHUP.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/reload.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/notify.h"
#include "common/signals.h"
#include "src/config/settings_fixed.h"
#include "src/config/settings_load.h"
#include "src/start/limits.h"
#include "src/start/neighbours.h"
#include "src/start/ways.h"

#define STACK_SIZE ((size_t)256 << 10) /* octets; as a worker's */

static bool
take_rest(void *reload, int ms)
{
	const struct reload *r = reload;

	(void)poll(NULL, 0, ms);
	return !atomic_load(&r->stopping);
}

/*
 * A file that is not there would mean nothing but defaults, and what is none
 * could keep us, and the stop, waiting for ever.
 */
static bool
is_readable(const struct arguments *args)
{
	struct stat st;

	if (access(args->config_path, R_OK) < 0 ||
	    stat(args->config_path, &st) < 0) {
		log_error("couldn't open config file: %s: %m (the daemon's "
			  "user must be able to read it)",
		    args->config);
		return false;
	}
	if (!S_ISREG(st.st_mode))
		log_error("couldn't open config file: %s: it is no file",
		    args->config);
	return S_ISREG(st.st_mode);
}

/* Returns 0, or -1 after it was logged. */
static int
read_options(struct settings *set, const struct arguments *args)
{
	if (!is_readable(args))
		return -1;
	if (arguments_apply_old(args, set) < 0 ||
	    settings_load(set, args->config_path) < 0)
		return -1;
	return arguments_apply_pid_file(args, set);
}

/* Returns 0, or -1 after it was logged. */
static int
make_settings(struct reload *r, struct settings *set)
{
	const struct reload_config *c = r->config;
	const char *header;

	if (read_options(set, c->args) < 0)
		return -1;
	neighbours_look_up(set, take_rest, r);
	header = set->header;
	if (settings_check(set, c->args->config) < 0)
		return -1;
	/* It is left out when it is wrong, which only the start puts up with. */
	if (*header != '\0' && *set->header == '\0')
		return -1;
	settings_keep_fixed(set, c->first);
	if (ways_check(set, false) < 0 || ways_check(set, true) < 0)
		return -1;
	if (settings_fix_spool_directory(set) < 0) {
		log_error("invalid setting: TempDirectory (%s: %s: %m)",
		    settings_where(set, "TempDirectory"), set->temp_directory);
		return -1;
	}
	neighbours_check(set, take_rest, r);
	return 0;
}

/* As make_settings; set is the versions' then. */
static int
put_in_force(struct reload *r, struct settings *set)
{
	const struct reload_config *c = r->config;
	int clients = limits_raise(set, c->own_descriptors);

	if (clients == 0)
		return -1;
	if (settings_current_replace(c->current, set) < 0) {
		log_error(errno == EBUSY
			? "sessions still use too many lists of ClamAddress: "
			  "try again when they have ended"
			: "couldn't put the new settings in force: %m");
		return -1;
	}
	server_set_max(c->server, clients);
	return 0;
}

static void
reload(struct reload *r)
{
	struct settings set;

	notify_reloading();
	if (settings_init(&set) == 0 && make_settings(r, &set) == 0 &&
	    put_in_force(r, &set) == 0) {
		log_write(LOG_NOTICE, "reloaded: %s", r->config->args->config);
		notify_ready("serving");
		return;
	}
	settings_free(&set);
	log_error("the settings stay as they were: %s was not taken",
	    r->config->args->config);
	notify_ready("serving; the last reload failed, and the settings are "
		     "those from before");
}

static void *
run(void *reload_)
{
	struct reload *r = reload_;

	for (;;) {
		signals_await_reload();
		if (atomic_load(&r->stopping))
			return NULL;
		reload(r);
	}
}

int
reload_start(struct reload *r, const struct reload_config *config)
{
	pthread_attr_t attr;
	int rc;

	r->config = config;
	atomic_init(&r->stopping, false);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&r->thread, &attr, run, r);
	pthread_attr_destroy(&attr);
	errno = rc;
	return rc == 0 ? 0 : -1;
}

void
reload_stop(struct reload *r)
{
	atomic_store(&r->stopping, true);
	(void)pthread_kill(r->thread, SIGHUP);
	(void)pthread_join(r->thread, NULL);
}
