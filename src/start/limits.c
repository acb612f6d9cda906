/*
 * How many clients the system's limit of descriptors carries.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/limits.h"

#include "common/daemon.h"
#include "common/log.h"

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

unsigned long
limits_own(void)
{
	return daemon_count_descriptors() + FDS_OF_DAEMON;
}

/* Each clamd that is set aside may be looked at; one is among those above. */
static unsigned long
descriptors_of_looks(const struct settings *set)
{
	return set->scan.addresses.count - 1;
}

int
limits_raise(const struct settings *set, unsigned long own)
{
	unsigned long sessions = (unsigned long)set->max_connections;
	const unsigned long each = FDS_PER_SESSION;
	unsigned long ours =
	    own + descriptors_of_resolver(set) + descriptors_of_looks(set);
	unsigned long want = sessions * each + ours;
	unsigned long got = daemon_set_limits(want + LIMITS_OF_RELOAD);
	unsigned long carried = got < ours ? 0 : (got - ours) / each;

	if (carried >= sessions)
		return set->max_connections;
	log_write(carried == 0 ? LOG_ERR : LOG_WARNING,
	    "the system allows %lu descriptors, which is enough for %lu "
	    "connections at once; %lu would need %lu: raise the limit (ulimit "
	    "-n, LimitNOFILE) or lower MaxConnections (%s)",
	    got, carried, sessions, want,
	    settings_where(set, "MaxConnections"));
	return (int)carried;
}
