/*
 * Is the configuration right?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/addr_ours.h"
#include "common/log.h"
#include "common/resolver.h"
#include "src/config/settings_fixed.h"
#include "src/config/settings_load.h"
#include "src/mail/shell.h"
#include "src/start/identity.h"
#include "src/start/limits.h"
#include "src/start/neighbours.h"
#include "src/start/ways.h"

/* Each check returns whether there is no fault. */
struct check {
	struct settings *set;
	const struct arguments *args;
	bool has_user; /* the one that the daemon becomes */
	struct user user;
};

static bool
check_options(struct check *c)
{
	const char *header;
	bool right = arguments_apply_old(c->args, c->set) == 0;

	right = settings_load(c->set, c->args->config) == 0 && right;
	header = c->set->header;
	right = settings_check(c->set, c->args->config) == 0 && right;
	right = arguments_apply_pid_file(c->args, c->set) == 0 && right;
	/* It is left out when it is wrong. */
	return right && (*header == '\0' || *c->set->header != '\0');
}

static bool
check_user(struct check *c)
{
	const char *name = c->set->user;
	const char *where = settings_where(c->set, "User");

	if (name == NULL)
		return true;
	if (user_find(name, &c->user) < 0) {
		log_error("couldn't look up user: %s (%s: use the name of a "
			  "user of this system)",
		    name, where);
		return false;
	}
	c->has_user = true;
	if (c->user.uid != 0)
		return true;
	log_error("invalid setting: User (%s: %s has the rights of root; use a "
		  "user that has none)",
	    where, name);
	return false;
}

/* May the daemon, whoever that is, do that?  Returns 0, or errno. */
static int
may(const struct check *c, const char *path, int mode)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (c->has_user && !user_is(&c->user))
		return user_may(&c->user, &st, mode) ? 0 : EACCES;
	return access(path, mode) < 0 ? errno : 0;
}

/* What follows is asked with the rights that the daemon will have. */
static bool
become_user(struct check *c)
{
	const struct identity id = {
	    .changes = c->has_user && c->user.uid != 0 && geteuid() == 0,
	    .user = c->user,
	};

	return identity_become(&id) == 0;
}

static bool
check_directory(struct check *c)
{
	const char *dir = c->set->temp_directory;
	struct stat st;

	errno = may(c, dir, W_OK | X_OK);
	if (errno == 0 && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	if (errno == 0)
		return true;
	log_error("invalid setting: TempDirectory (%s: %s: %m)",
	    settings_where(c->set, "TempDirectory"), dir);
	return false;
}

/*
 * The directory that a file is to be made in may be made at the start, and its
 * mode changed.  mode is what the daemon must be able to do there.
 */
static void
warn_of_directory(const struct check *c, const char *what, const char *path,
    const char *where, int mode)
{
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof dir, "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return;
	slash[slash == dir ? 1 : 0] = '\0';
	errno = may(c, dir, F_OK);
	if (errno != 0) {
		log_warn("the directory of %s is not there now: %s: %m (%s)",
		    what, dir, where);
		return;
	}
	errno = may(c, dir, mode);
	if (errno != 0)
		log_warn("the daemon's user may not write to the directory of "
			 "%s: %s: %m (%s)",
		    what, dir, where);
}

/*
 * Can there be a file of ours, of the option what?  Empty: none is wanted.  flags
 * as of fstatat(2), mode as of warn_of_directory.
 */
static bool
check_file(const struct check *c, const char *what, const char *path, int flags,
    int mode)
{
	const char *where = settings_where(c->set, what);
	struct stat st;

	if (*path == '\0')
		return true;
	if (fstatat(AT_FDCWD, path, &st, flags) == 0 && !S_ISREG(st.st_mode)) {
		log_error("invalid setting: %s (%s: %s is no file)", what,
		    where, path);
		return false;
	}
	warn_of_directory(c, what, path, where, mode);
	return true;
}

static bool
check_stats_file(struct check *c)
{
	return check_file(c, "StatsFile", c->set->stats_file, 0, W_OK | X_OK);
}

static bool
check_pid_file(struct check *c)
{
	const char *path = c->set->pid_file;
	/* One that is there is written to. */
	const int mode = may(c, path, W_OK) == 0 ? F_OK : W_OK | X_OK;

	return check_file(c, "PidFile", path, AT_SYMLINK_NOFOLLOW, mode);
}

/*
 * Has somebody left the socket behind?  Who listens at it sees nothing of a
 * datagram socket, which is of another type: connect(2) says so.
 */
static bool
is_left_behind(const struct addr *a)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool left = fd >= 0 && connect(fd, &a->u.sa, a->len) < 0 &&
	    errno == ECONNREFUSED;

	if (fd >= 0)
		(void)close(fd);
	return left;
}

/* Why we cannot listen at the path; NULL: nothing is in the way. */
static const char *
path_hint(const struct check *c, const struct addr *a)
{
	const uid_t ours = c->has_user ? c->user.uid : geteuid();
	struct stat st;

	if (lstat(a->u.un.sun_path, &st) < 0)
		return NULL;
	if (!S_ISSOCK(st.st_mode))
		return "what is there is no socket";
	return st.st_uid != ours && is_left_behind(a)
	    ? "another user has left a socket there; remove it"
	    : NULL;
}

/* Can we listen there?  Others that we listen at stand before. */
static bool
check_place(
    const struct check *c, const struct addr_spec *spec, const struct addr *a)
{
	const struct settings *set = c->set;
	const char *hint = NULL;

	for (size_t i = 0; i < set->listen_at.count; i++)
		if (addr_same(&set->listen_at.at[i], a) ||
		    (!addr_is_inet(a) &&
			strcmp(set->listens.spec[i].text, spec->text) == 0))
			hint = "it stands twice";
	if (addr_is_inet(a) && !addr_is_any(a) && !addr_is_ours(a))
		hint = "use an address of this host";
	if (!addr_is_inet(a) && hint == NULL)
		hint = path_hint(c, a);
	if (hint != NULL)
		log_error("invalid Listen socket name or ip: %s (%s: %s)",
		    spec->text, addr_spec_where(spec), hint);
	if (!addr_is_inet(a))
		warn_of_directory(
		    c, "Listen", spec->text, addr_spec_where(spec), F_OK);
	return hint == NULL;
}

/* What is not known leaves no gap. */
static bool
check_listens(struct check *c)
{
	struct settings *set = c->set;
	const struct addr_list wanted = set->listens;
	struct addr_choice found;
	bool right = true;

	settings_forget_listens(set);
	for (size_t i = 0; i < wanted.count; i++) {
		const struct addr_spec *spec = &wanted.spec[i];

		if (resolver_look_up(spec, NULL, &found) < 0) {
			log_warn("couldn't resolve Listen: %s (%s: %s)",
			    spec->text, addr_spec_where(spec),
			    addr_spec_gap(spec));
			continue;
		}
		right = check_place(c, spec, &found.at[0]) && right;
		settings_add_listen(set, spec, &found.at[0]);
	}
	return right;
}

/* Names, clamd and the virus action are told of as at the start. */
static bool
check_neighbours(struct check *c)
{
	const struct settings *set = c->set;
	bool right;

	resolver_start();
	neighbours_look_up(set, neighbours_take_rest, NULL);
	neighbours_check(set, neighbours_take_rest, NULL);
	right = ways_check(set, false) == 0;
	right = ways_check(set, true) == 0 && right;
	resolver_stop();
	return right &&
	    (*set->virus_action == '\0' ||
		shell_fault(set->virus_action) == NULL);
}

/* Root raises the limit for the user, and we cannot know how far. */
static bool
check_limits(struct check *c)
{
	if (geteuid() != 0 && c->has_user && !user_is(&c->user))
		return true;
	return limits_raise(c->set, limits_own()) == c->set->max_connections;
}

int
check_run(struct settings *set, const struct arguments *args)
{
	static bool (*const checks[])(struct check *) = {check_options,
	    check_user, check_listens, check_limits, become_user,
	    check_directory, check_pid_file, check_stats_file,
	    check_neighbours};
	struct check c = {.set = set, .args = args};
	bool right = true;

	if (args->debug_level < 0)
		log_to_console(LOG_WARNING - LOG_ERR);
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		right = checks[i](&c) && right;
	return right ? EXIT_SUCCESS : EXIT_USAGE;
}
