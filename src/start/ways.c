/*
 * The ways in and out.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/ways.h"

#include "common/addr_ours.h"
#include "common/log.h"
#include "common/resolver.h"
#include "src/config/settings_fixed.h"

int
ways_find_listeners(struct settings *set)
{
	const struct addr_list wanted = set->listens;
	struct addr_choice found;

	settings_forget_listens(set);
	for (size_t i = 0; i < wanted.count; i++) {
		const struct addr_spec *spec = &wanted.spec[i];

		if (resolver_look_up(spec, NULL, &found) < 0) {
			log_error("couldn't resolve Listen: %s (%s: %s)",
			    spec->text, addr_spec_where(spec),
			    addr_spec_gap(spec));
			return -1;
		}
		settings_add_listen(set, spec, &found.at[0]);
	}
	return 0;
}

/* Servers trust their own host, and we are on it whoever our client is. */
static void
warn_of_relay(
    const struct addr_spec *out, const struct addr_spec *listen, bool ipv6)
{
	log_warn("Listen is open to all and OutAddress is on this host: "
		 "strangers may relay through it (%s: %s; %s: use Listen: "
		 "%s:%u, or a server that does not trust this host)",
	    addr_spec_where(out), out->text, addr_spec_where(listen),
	    ipv6 ? "[::1]" : "127.0.0.1", (unsigned)listen->port);
}

/* The Listen that is open to all, of which the first is enough; or NULL. */
static const struct addr_spec *
find_open(const struct settings *set, bool *ipv6)
{
	for (size_t i = 0; i < set->listen_at.count; i++)
		if (addr_is_any(&set->listen_at.at[i])) {
			*ipv6 = set->listen_at.at[i].u.sa.sa_family == AF_INET6;
			return &set->listens.spec[i];
		}
	return NULL;
}

static bool
is_a_loop(const struct settings *set, const struct addr *out)
{
	bool found = false;

	for (size_t i = 0; i < set->listen_at.count; i++)
		found = found || addr_reaches(out, &set->listen_at.at[i]);
	return found;
}

/* Returns 0, or -1 after an error was logged. */
static int
check_one(const struct settings *set, const struct addr_spec *spec,
    const struct addr *out)
{
	const struct addr_spec *open;
	bool ipv6;

	if (is_a_loop(set, out)) {
		log_error("invalid setting: OutAddress (%s: %s makes a loop, "
			  "since it is Listen; use the mail server's address)",
		    addr_spec_where(spec), spec->text);
		return -1;
	}
	open = find_open(set, &ipv6);
	if (open != NULL && (!addr_is_inet(out) || addr_is_ours(out)))
		warn_of_relay(spec, open, ipv6);
	return 0;
}

/* As check_one; the first that is wrong is enough. */
static int
check_all(const struct settings *set, const struct addr_spec *spec,
    const struct addr_choice *found)
{
	int rc = 0;

	for (size_t i = 0; i < found->count && rc == 0; i++)
		rc = check_one(set, spec, &found->at[i]);
	return rc;
}

int
ways_check(const struct settings *set, bool by_name)
{
	struct addr_choice found;
	int rc = 0;

	if (set->transparent_proxy)
		return 0;
	for (size_t i = 0; i < set->out_addresses.count; i++) {
		const struct addr_spec *spec = &set->out_addresses.spec[i];

		/* What the port alone leads to, only each session knows. */
		if (spec->kind == ADDR_PORT ||
		    (spec->kind == ADDR_HOST) != by_name ||
		    resolver_find(spec, NULL, &found) < 0)
			continue;
		if (check_all(set, spec, &found) < 0)
			rc = -1;
	}
	return rc;
}
