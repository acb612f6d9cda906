/*
 * Where the mail goes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/target.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/log.h"
#include "common/redirect.h"
#include "common/resolver.h"
#include "common/sock.h"

/* Has the warning been given?  Set by whichever session is the first. */
static atomic_bool warned;

/* All our connections to mail servers, under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct target_link *links;

void
target_join(struct target_link *link, int fd)
{
	struct addr own;

	sock_local(fd, &own);
	if (!addr_is_inet(&own))
		return;
	pthread_mutex_lock(&lock);
	*link = (struct target_link){links, addr_port(&own), fd};
	links = link;
	pthread_mutex_unlock(&lock);
}

void
target_leave(struct target_link *link)
{
	struct target_link **at = &links;

	pthread_mutex_lock(&lock);
	while (*at != NULL && *at != link)
		at = &(*at)->next;
	if (*at != NULL)
		*at = link->next;
	pthread_mutex_unlock(&lock);
}

/*
 * Is the client at peer, connected by fd, the other end of l?  It went where we
 * connected to, unless the packet filter has led it astray.
 */
static bool
is_other_end(const struct target_link *l, int fd, const struct addr *peer)
{
	struct addr own, server, local, wanted;

	sock_local(l->fd, &own);
	if (!addr_same(&own, peer) || sock_peer(l->fd, &server) < 0)
		return false;
	sock_local(fd, &local);
	return addr_same(&server, &local) ||
	    (redirect_destination(fd, &wanted) == 0 &&
		addr_same(&server, &wanted));
}

/* Have we connected to ourselves? */
static bool
is_from_us(int fd, const struct addr *peer)
{
	bool found = false;

	if (!addr_is_inet(peer))
		return false;
	pthread_mutex_lock(&lock);
	for (const struct target_link *l = links; l != NULL && !found;
	     l = l->next)
		found = l->port == addr_port(peer) && is_other_end(l, fd, peer);
	pthread_mutex_unlock(&lock);
	return found;
}

static bool
is_our_listener(const struct addr *target, const struct settings *set)
{
	struct addr_choice listen;
	bool found = false;

	if (addr_is_inet(target) && addr_port(target) != set->listen.port)
		return false;
	(void)resolver_find(&set->listen, NULL, &listen);
	for (size_t i = 0; i < listen.count; i++)
		found = found || addr_reaches(target, &listen.at[i]);
	return found;
}

static int
find_fixed(struct addr *target, const struct settings *set, int fd,
    const struct addr *peer)
{
	const char *text = set->out_address.text;
	struct addr_choice found;

	if (resolver_find(&set->out_address, peer, &found) < 0) {
		log_error("couldn't resolve OutAddress: %s", text);
		return -1;
	}
	*target = found.at[0];
	if (is_our_listener(target, set) || is_from_us(fd, peer)) {
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
	if (redirect_destination(fd, target) < 0) {
		log_error("couldn't get source address for transparent "
			  "proxying: %m");
		return -1;
	}
	if (addr_same_host(target, peer) || is_our_listener(target, set) ||
	    is_from_us(fd, peer)) {
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
	return find_fixed(target, set, fd, peer);
}
