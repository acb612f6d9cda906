/*
 * A look at clamd and at the names, with warnings.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/neighbours.h"

#include <errno.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sock.h"

#define CLAMD_WAIT_MS 1000 /* one that is there takes a connection at once */

const char *
neighbours_unknown_name(void)
{
	return errno == EAFNOSUPPORT
	    ? "the name has no IPv4 address, and IPv6 is not supported"
	    : "the name is not known now";
}

/* Returns 0 with *a, or -1 after it was said. */
static int
find(const struct settings *set, const char *option,
    const struct addr_spec *spec, struct addr *a)
{
	if (addr_resolve(spec, NULL, a) == 0)
		return 0;
	log_warn("couldn't resolve %s: %s (%s: %s)", option, spec->text,
	    settings_where(set, option), neighbours_unknown_name());
	return -1;
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
check_clamd(const struct settings *set)
{
	struct addr clamd;
	int fd;

	if (find(set, "ClamAddress", &set->scan.address, &clamd) < 0)
		return;
	fd = sock_connect(&clamd, NULL, deadline_in(CLAMD_WAIT_MS));
	if (fd < 0)
		log_warn("couldn't connect to ClamAddress: %s: %m (%s: %s; "
			 "mail is deferred until then)",
		    set->scan.address.text, settings_where(set, "ClamAddress"),
		    clamd_hint(errno));
	else
		(void)close(fd);
}

void
neighbours_check(const struct settings *set)
{
	struct addr server;

	if (!set->transparent_proxy)
		(void)find(set, "OutAddress", &set->out_address, &server);
	check_clamd(set);
}
