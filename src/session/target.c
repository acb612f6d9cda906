/*
 * Where the mail goes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/target.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/addr_ours.h"
#include "common/log.h"
#include "common/redirect.h"
#include "common/resolver.h"
#include "common/sock.h"

#define ROWS 1024 /* so that the links of thousands need no long walk */

/* Has the warning been given?  Set by whichever session is the first. */
static atomic_bool warned;

/* All our connections to mail servers, by their ports, under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct target_link *links[ROWS];

static struct target_link **
row_of(in_port_t port)
{
	return &links[port % ROWS];
}

void
target_join(struct target_link *link, int fd)
{
	struct target_link **row;
	struct addr own;

	sock_local(fd, &own);
	if (!addr_is_inet(&own))
		return;
	row = row_of(addr_port(&own));
	pthread_mutex_lock(&lock);
	*link = (struct target_link){*row, addr_port(&own), fd};
	*row = link;
	pthread_mutex_unlock(&lock);
}

void
target_leave(struct target_link *link)
{
	struct target_link **at = row_of(link->port);

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
	struct addr own, upstream, local, wanted;

	sock_local(l->fd, &own);
	if (!addr_same(&own, peer) || sock_peer(l->fd, &upstream) < 0)
		return false;
	sock_local(fd, &local);
	return addr_same(&upstream, &local) ||
	    (redirect_destination(fd, &wanted) == 0 &&
		addr_same(&upstream, &wanted));
}

/* Have we connected to ourselves? */
static bool
is_from_us(int fd, const struct addr *peer)
{
	bool found = false;

	if (!addr_is_inet(peer))
		return false;
	pthread_mutex_lock(&lock);
	for (const struct target_link *l = *row_of(addr_port(peer));
	     l != NULL && !found; l = l->next)
		found = l->port == addr_port(peer) && is_other_end(l, fd, peer);
	pthread_mutex_unlock(&lock);
	return found;
}

static bool
is_our_listener(const struct addr *target, const struct settings *set)
{
	bool found = false;

	for (size_t i = 0; i < set->listen_at.count; i++)
		found = found || addr_reaches(target, &set->listen_at.at[i]);
	return found;
}

/* Take the next one of found.  Returns whether it may be used. */
static bool
take(struct target *t, const struct settings *set, int fd,
    const struct addr *peer, const struct addr_choice *found)
{
	t->addr = found->at[t->address++];
	t->left = found->count - t->address;
	t->is_choice = found->count > 1;
	if (!is_our_listener(&t->addr, set) && !is_from_us(fd, peer))
		return true;
	log_rarely(LOG_ERR,
	    "loop detected: OutAddress leads back to Listen: %s", t->name);
	return false;
}

/* The next one of what spec stands for.  0, or -1 when there is none. */
static int
next_of_spec(struct target *t, const struct settings *set, int fd,
    const struct addr *peer)
{
	const struct addr_spec *spec = &set->out_addresses.spec[t->spec];
	struct addr_choice found;

	t->name = spec->text;
	if (resolver_find(spec, peer, &found) < 0) {
		log_error("couldn't resolve OutAddress: %s", t->name);
		return -1;
	}
	while (t->address < found.count)
		if (take(t, set, fd, peer, &found))
			return 0;
	resolver_doubt(spec); /* none of them was of any use */
	return -1;
}

static int
next_fixed(struct target *t, const struct settings *set, int fd,
    const struct addr *peer)
{
	while (t->spec < set->out_addresses.count) {
		if (next_of_spec(t, set, fd, peer) == 0)
			return 0;
		t->spec++;
		t->address = 0;
	}
	return -1;
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
find_redirected(struct target *t, const struct settings *set, int fd,
    const struct addr *peer)
{
	struct addr *to = &t->addr;

	if (redirect_destination(fd, to) < 0) {
		log_error("couldn't get source address for transparent "
			  "proxying: %m");
		return -1;
	}
	if (addr_same_host(to, peer) || is_our_listener(to, set) ||
	    is_from_us(fd, peer)) {
		log_rarely(LOG_ERR, "loop detected in transparent proxying");
		return -1;
	}
	warn_of_trust(to, set);
	return 0;
}

void
target_restart(struct target *t)
{
	*t = (struct target){0};
}

int
target_next(struct target *t, const struct settings *set, int fd,
    const struct addr *peer)
{
	const bool is_first = t->until.at_ms == 0;

	if (is_first)
		t->until = deadline_in(set->timeout_ms);
	else if (set->transparent_proxy || deadline_left_ms(t->until) == 0)
		return -1;
	return set->transparent_proxy ? find_redirected(t, set, fd, peer)
				      : next_fixed(t, set, fd, peer);
}

bool
target_has_more(const struct target *t, const struct settings *set)
{
	return !set->transparent_proxy && deadline_left_ms(t->until) > 0 &&
	    (t->left > 0 || t->spec + 1 < set->out_addresses.count);
}

int
target_connect_ms(const struct target *t, const struct settings *set)
{
	return target_has_more(t, set) && set->timeout_ms > TARGET_CONNECT_MS
	    ? TARGET_CONNECT_MS
	    : set->timeout_ms;
}
