/*
 * Where the mail goes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/target.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "common/log.h"
#include "common/sock.h"

/* Has the warning been given?  Set by whichever session is the first. */
static atomic_bool warned;

/* Names may change what they stand for, so this is asked each time. */
static bool
is_our_listener(const struct addr *target, const struct settings *set)
{
	struct addr listen;

	if (target->u.sa.sa_family == AF_INET &&
	    ntohs(target->u.in.sin_port) != set->listen.port)
		return false;
	return addr_resolve(&set->listen, NULL, &listen) == 0 &&
	    addr_reaches(target, &listen);
}

static int
find_fixed(
    struct addr *target, const struct settings *set, const struct addr *peer)
{
	const char *text = set->out_address.text;

	if (addr_resolve(&set->out_address, peer, target) < 0) {
		log_error("couldn't resolve OutAddress: %s", text);
		return -1;
	}
	if (is_our_listener(target, set)) {
		log_rarely(LOG_ERR,
		    "loop detected: OutAddress leads back to Listen: %s", text);
		return -1;
	}
	return 0;
}

/* A server on this host is reached from an address of this host. */
static void
warn_of_trust(const struct addr *target, const struct settings *set)
{
	char ip[ADDR_TEXT_MAX];

	if (set->xclient || atomic_load(&warned) || !addr_is_ours(target) ||
	    atomic_exchange(&warned, true))
		return;
	log_warn("the mail server %s is on this host and sees this host as "
		 "its client: it must not trust that address, or use XClient",
	    addr_host(target, ip));
}

static int
find_redirected(struct addr *target, const struct settings *set, int fd,
    const struct addr *peer)
{
	if (sock_original_destination(fd, target) < 0) {
		log_error("couldn't get source address for transparent "
			  "proxying: %m");
		return -1;
	}
	if (addr_same_host(target, peer) || is_our_listener(target, set)) {
		log_rarely(LOG_ERR, "loop detected in transparent proxying");
		return -1;
	}
	warn_of_trust(target, set);
	return 0;
}

int
target_find(struct addr *target, const struct settings *set, int fd,
    const struct addr *peer)
{
	if (set->transparent_proxy)
		return find_redirected(target, set, fd, peer);
	return find_fixed(target, set, peer);
}
