/*
 * A look at clamd, at the names and at the virus action, with warnings.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/neighbours.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "common/addr_ours.h"
#include "common/log.h"
#include "common/resolver.h"
#include "common/sock.h"
#include "src/mail/shell.h"

#define LOOK_MS 5 /* between two looks whether the names are known */
#define CLAMD_WAIT_MS 1000 /* one that is there takes a connection at once */

/* Returns 0 with *found, or -1 after it was said. */
static int
find(
    const char *option, const struct addr_spec *spec, struct addr_choice *found)
{
	if (resolver_find(spec, NULL, found) == 0)
		return 0;
	log_warn("couldn't resolve %s: %s (%s: %s)", option, spec->text,
	    addr_spec_where(spec), addr_spec_gap(spec));
	return -1;
}

/*
 * A stream socket that somebody listens on is of another type than a datagram
 * socket, and connect(2) says so, after it has looked at path and permissions.
 */
static int
probe_path(int fd, const struct addr *a)
{
	return connect(fd, &a->u.sa, a->len) < 0 && errno != EPROTOTYPE ? -1
									: 0;
}

/* What can be bound to has no listener.  Another who binds there meanwhile is
 * not hindered if it allows the same (socket(7), SO_REUSEADDR), as clamd does. */
static int
probe_port(int fd, const struct addr *a)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    bind(fd, &a->u.sa, a->len) < 0)
		return 0;
	errno = ECONNREFUSED;
	return -1;
}

/*
 * Would somebody take a connection at a?  Nobody on this host sees that it is
 * asked.  Returns 0, or -1 with errno.
 */
static int
probe(const struct addr *a)
{
	int fd, rc, error;

	if (a->u.sa.sa_family == AF_UNIX) {
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		rc = probe_path(fd, a);
	} else if (addr_is_ours(a)) {
		fd = sock_new(a);
		rc = probe_port(fd, a);
	} else {
		fd = sock_connect(a, NULL, deadline_in(CLAMD_WAIT_MS));
		rc = fd < 0 ? -1 : 0;
	}
	error = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = error;
	return rc;
}

/* What may help against an error of connect(2). */
static const char *
clamd_hint(int error)
{
	switch (error) {
	case ENOENT:
		return "start clamd, or use the LocalSocket of clamd.conf";
	case EACCES:
		return "let the daemon's user into the group of clamd's socket";
	default:
		return "start clamd, or use the address that it listens at";
	}
}

static void
check_clamd(const struct settings *set, const struct addr_spec *spec)
{
	struct addr_choice clamd;
	size_t i = 0;

	if (find("ClamAddress", spec, &clamd) < 0)
		return;
	while (i < clamd.count && probe(&clamd.at[i]) < 0)
		i++;
	if (i == clamd.count)
		log_warn("couldn't connect to ClamAddress: %s: %m (%s: %s; "
			 "%s until then)",
		    spec->text, addr_spec_where(spec), clamd_hint(errno),
		    set->scan.addresses.count > 1 ? "others are asked"
						  : "mail is deferred");
}

static void
check_virus_action(const struct settings *set)
{
	const char *fault;

	if (set->virus_action[0] == '\0')
		return;
	fault = shell_fault(set->virus_action);
	if (fault != NULL)
		log_warn("couldn't execute VirusAction: %s (%s: %s)",
		    set->virus_action, settings_where(set, "VirusAction"),
		    fault);
}

static void
ask_for(const struct addr_list *list)
{
	struct addr_choice found;

	for (size_t i = 0; i < list->count; i++)
		(void)resolver_find(&list->spec[i], NULL, &found);
}

bool
neighbours_take_rest(void *none, int ms)
{
	(void)none;
	(void)poll(NULL, 0, ms);
	return true;
}

void
neighbours_look_up(
    const struct settings *set, neighbours_rest *rest, void *context)
{
	const struct deadline d = deadline_in(NEIGHBOURS_NAMES_MS);

	if (!set->transparent_proxy)
		ask_for(&set->out_addresses);
	ask_for(&set->scan.addresses);
	while (resolver_is_busy() && deadline_left_ms(d) > 0 &&
	    rest(context, LOOK_MS))
		;
}

void
neighbours_check(
    const struct settings *set, neighbours_rest *rest, void *context)
{
	const struct addr_list *out = &set->out_addresses;
	const struct addr_list *clamds = &set->scan.addresses;
	struct addr_choice found;

	for (size_t i = 0; i < out->count && !set->transparent_proxy; i++)
		(void)find("OutAddress", &out->spec[i], &found);
	for (size_t i = 0; i < clamds->count && rest(context, 0); i++)
		check_clamd(set, &clamds->spec[i]);
	check_virus_action(set);
}
