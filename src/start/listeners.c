/*
 * All listening sockets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/listeners.h"

#include <errno.h>
#include <unistd.h>

#include "common/log.h"

/* What would be a right Listen, after an error of bind(2). */
static const char *
hint(int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
		return "use an address of this host";
	case EACCES:
		return "start it as root, or use what its user may";
	case EAFNOSUPPORT:
		return "this system has no IPv6";
	case EEXIST:
		return "nobody listens there, but it is no socket of the "
		       "daemon's user; remove it";
	default:
		return "use another address";
	}
}

static void
complain(const struct addr_spec *spec)
{
	/* Who else listens there is no fault of the configuration. */
	if (errno == EADDRINUSE)
		log_write(
		    LOG_CRIT, "couldn't bind to address: %s: %m", spec->text);
	else
		log_write(LOG_CRIT, "couldn't bind to address: %s: %m (%s: %s)",
		    spec->text, addr_spec_where(spec), hint(errno));
}

/* Returns 0, or -1 after an error was logged. */
static int
open_one(struct listener *l, const struct addr *a, const struct addr_spec *spec,
    const struct listener_way *way, const struct user *user)
{
	if (listener_open(l, a, way) < 0) {
		complain(spec);
		return -1;
	}
	if (user != NULL && listener_give(l, user->uid, user->gid) < 0)
		log_warn(
		    "couldn't give the socket to its user: %s: %m", spec->text);
	log_debug("created socket: %s", spec->text);
	return 0;
}

int
listeners_open(
    struct listeners *l, const struct settings *set, const struct user *user)
{
	const struct listener_way way = {
	    .owner = user == NULL ? geteuid() : user->uid,
	    .transparent = set->transparent_proxy,
	};

	*l = (struct listeners){0};
	for (size_t i = 0; i < set->listen_at.count; i++) {
		if (open_one(&l->at[i], &set->listen_at.at[i],
			&set->listens.spec[i], &way, user) < 0) {
			listeners_close(l);
			return -1;
		}
		l->count++;
	}
	return 0;
}

void
listeners_close(struct listeners *l)
{
	while (l->count > 0)
		listener_close(&l->at[--l->count]);
}
