/*
 * All listening sockets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/handover.h"
#include "common/log.h"
#include "common/sock.h"
#include "src/config/settings_fixed.h"

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

static const char *
hint_of_socket(int error)
{
	switch (error) {
	case ENOTSOCK:
		return "it is no socket";
	case ESOCKTNOSUPPORT:
		return "use ListenStream";
	case EINVAL:
		return "nobody listens on it; use Accept=no";
	default:
		return "use an address of IPv4 or IPv6, or a path";
	}
}

/* As Listen would have it. */
static void
print_address(const struct addr *a, char text[LISTENER_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];

	(void)addr_host(a, host);
	if (addr_is_inet(a))
		snprintf(text, LISTENER_TEXT_MAX,
		    a->u.sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		    (unsigned)addr_port(a));
	else
		snprintf(text, LISTENER_TEXT_MAX, "%s",
		    *host == '\0' ? "(a local socket)" : host);
}

/* Returns 0, or -1 after an error was logged. */
static int
adopt_one(struct listeners *l, struct settings *set, int fd)
{
	const size_t i = l->count;
	struct addr_spec spec = {.kind = ADDR_FIXED,
	    .text = l->text[i],
	    .where = SETTINGS_HANDED_OVER};

	if (listener_adopt(&l->at[i], fd) < 0) {
		log_error("descriptor %d from the service manager (LISTEN_FDS) "
			  "is no listening stream socket: %m (%s)",
		    fd, hint_of_socket(errno));
		return -1;
	}
	sock_local(fd, &spec.addr);
	spec.port = addr_port(&spec.addr);
	print_address(&spec.addr, l->text[i]);
	settings_add_listen(set, &spec, &spec.addr);
	l->count++;
	log_debug("took over socket: %s", l->text[i]);
	return 0;
}

int
listeners_adopt(struct listeners *l, struct settings *set)
{
	const int n = handover_count();

	*l = (struct listeners){0};
	if (n > ADDR_LIST_MAX) {
		log_error("there are %d sockets from the service manager "
			  "(LISTEN_FDS), which are too many; %d are enough",
		    n, ADDR_LIST_MAX);
		return -1;
	}
	settings_forget_listens(set);
	for (int i = 0; i < n; i++)
		if (adopt_one(l, set, HANDOVER_FIRST_FD + i) < 0)
			return -1;
	return 0;
}

void
listeners_close(struct listeners *l)
{
	while (l->count > 0)
		listener_close(&l->at[--l->count]);
}
