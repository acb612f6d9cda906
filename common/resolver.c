/*
 * The table of names and the thread that keeps it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/resolver.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/deadline.h"
#include "common/log.h"
#include "common/strutil.h"

#define KNOWN_MS 60000 /* until a name is looked up again */
#define UNKNOWN_MS 2000 /* the same after a failure */
#define DOUBT_MS 1000 /* at least between two look-ups of a name */
#define STACK_SIZE ((size_t)256 << 10) /* octets; getaddrinfo(3) has the most */

struct name {
	char host[ADDR_NAME_MAX + 1];
	unsigned long asked; /* the larger, the later */
	bool looked_up; /* at least once */
	struct deadline due; /* for the next time... */
	struct deadline earliest; /* ... which is not before */
	struct addr_choice found; /* with port 0; none: it is not known */
};

/* All of it is under the lock; the thread alone writes what it has found. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked;
static struct name names[RESOLVER_NAMES_MAX];
static size_t count;
static unsigned long asked_count;
static bool may_start, has_thread, stopped;

/* What getaddrinfo(3) has told. */
enum outcome {
	FOUND,
	NO_SUCH_NAME,
	CANNOT_TELL /* nobody could be asked */
};

static void
add(struct addr_choice *found, const struct sockaddr *sa, sa_family_t family)
{
	struct addr a;

	if (found->count == ADDR_CHOICE_MAX || addr_take(&a, sa) < 0 ||
	    a.u.sa.sa_family != family)
		return;
	for (size_t i = 0; i < found->count; i++)
		if (addr_same_host(&found->at[i], &a))
			return;
	found->at[found->count++] = a;
}

static enum outcome
judge(int error)
{
	switch (error) {
	case 0:
		return FOUND;
	case EAI_NONAME:
#ifdef EAI_NODATA
	case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
	case EAI_ADDRFAMILY:
#endif
		return NO_SUCH_NAME;
	default:
		return CANNOT_TELL;
	}
}

/*
 * A number with its interface, which getaddrinfo(3) takes for those of one link
 * alone.
 */
static enum outcome
look_up_interface(
    const char *host, const char *interface, struct addr_choice *found)
{
	const size_t len = (size_t)(interface - 1 - host);
	struct addr *a = &found->at[0];
	long index = (long)if_nametoindex(interface);

	if (index == 0 && str_number(interface, 1, INT_MAX, &index) < 0)
		return NO_SUCH_NAME;
	if (addr_parse_number(a, host, len, 0) < 0)
		return NO_SUCH_NAME;
	if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_scope_id = (uint32_t)index;
	found->count = 1;
	return FOUND;
}

/* Blocks as getaddrinfo(3) does. */
static enum outcome
look_up(const char *host, struct addr_choice *found)
{
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *all = NULL;
	const char *percent = strchr(host, '%');
	int error;

	found->count = 0;
	if (percent != NULL)
		return look_up_interface(host, percent + 1, found);
	error = getaddrinfo(host, NULL, &hints, &all);
	if (error != 0)
		return judge(error);
	for (const struct addrinfo *i = all; i != NULL; i = i->ai_next)
		add(found, i->ai_addr, AF_INET);
	for (const struct addrinfo *i = all; i != NULL; i = i->ai_next)
		add(found, i->ai_addr, AF_INET6);
	freeaddrinfo(all);
	return found->count == 0 ? NO_SUCH_NAME : FOUND;
}

static struct name *
find_name(const char *host)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(names[i].host, host) == 0)
			return &names[i];
	return NULL;
}

/* A place for a new name. */
static struct name *
find_place(void)
{
	struct name *oldest = &names[0];

	if (count < RESOLVER_NAMES_MAX)
		return &names[count++];
	for (size_t i = 0; i < count; i++)
		if (names[i].asked < oldest->asked)
			oldest = &names[i];
	return oldest;
}

/* The name that is to be looked up next, or NULL. */
static struct name *
find_next(void)
{
	struct name *next = NULL;

	for (size_t i = 0; i < count; i++)
		if (next == NULL || names[i].due.at_ms < next->due.at_ms)
			next = &names[i];
	return next;
}

/* At the start the caller tells what is not known. */
static void
tell(const struct name *n, bool was_known, bool is_known)
{
	char host[ADDR_TEXT_MAX];

	if (!n->looked_up || was_known == is_known || stopped)
		return;
	if (is_known)
		log_info("the name %s is known now: %s", n->host,
		    addr_host(&n->found.at[0], host));
	else
		log_warn("the name %s is not known any more", n->host);
}

/* While nobody can be asked, what was known is the best there is. */
static void
note(struct name *n, enum outcome outcome, const struct addr_choice *found)
{
	const bool was_known = n->found.count > 0;

	if (outcome != CANNOT_TELL)
		n->found = *found;
	tell(n, was_known, n->found.count > 0);
	n->looked_up = true;
	n->due = deadline_in(outcome == FOUND ? KNOWN_MS : UNKNOWN_MS);
	n->earliest = deadline_in(DOUBT_MS);
}

/* Until the name is due, or another one is asked for.  With the lock. */
static void
wait_for(const struct name *next)
{
	const int64_t at_ms =
	    next == NULL ? deadline_in(KNOWN_MS).at_ms : next->due.at_ms;
	const struct timespec until = {.tv_sec = (time_t)(at_ms / 1000),
	    .tv_nsec = (long)(at_ms % 1000) * 1000000L};

	(void)pthread_cond_timedwait(&asked, &lock, &until);
}

static void *
run(void *unused)
{
	char host[ADDR_NAME_MAX + 1];
	struct addr_choice found;
	enum outcome outcome;
	struct name *n;

	(void)unused;
	pthread_mutex_lock(&lock);
	while (!stopped) {
		n = find_next();
		if (n == NULL || deadline_left_ms(n->due) > 0) {
			wait_for(n);
			continue;
		}
		memcpy(host, n->host, sizeof host);
		pthread_mutex_unlock(&lock);
		outcome = look_up(host, &found);
		pthread_mutex_lock(&lock);
		n = find_name(host); /* others may have taken its place */
		if (n != NULL)
			note(n, outcome, &found);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Tell the thread, which is started for the first name.  With the lock. */
static void
wake(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (has_thread) {
		pthread_cond_signal(&asked);
		return;
	}
	if (!may_start || pthread_attr_init(&attr) != 0)
		return;
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	has_thread = pthread_create(&thread, &attr, run, NULL) == 0;
	pthread_attr_destroy(&attr);
	if (!has_thread)
		log_rarely(LOG_ERR, "couldn't create thread: %m");
}

void
resolver_start(void)
{
	pthread_condattr_t attr;

	pthread_mutex_lock(&lock);
	if (!may_start && pthread_condattr_init(&attr) == 0) {
		(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		may_start = pthread_cond_init(&asked, &attr) == 0;
		pthread_condattr_destroy(&attr);
	}
	pthread_mutex_unlock(&lock);
}

void
resolver_stop(void)
{
	pthread_mutex_lock(&lock);
	may_start = false;
	stopped = true;
	if (has_thread)
		pthread_cond_signal(&asked);
	pthread_mutex_unlock(&lock);
}

/* It is to be looked up as soon as may be.  With the lock. */
static void
hurry(struct name *n)
{
	if (n->due.at_ms <= n->earliest.at_ms && has_thread)
		return;
	n->due = deadline_min(n->due, n->earliest);
	wake();
}

static struct name *
find_or_add(const char *host)
{
	struct name *n = find_name(host);

	if (n == NULL) {
		n = find_place();
		*n = (struct name){.due = deadline_in(0)};
		n->earliest = n->due;
		memcpy(n->host, host, strlen(host) + 1);
		wake();
	}
	n->asked = ++asked_count;
	return n;
}

static int
set_ports(struct addr_choice *found, in_port_t port)
{
	for (size_t i = 0; i < found->count; i++)
		addr_set_port(&found->at[i], port);
	errno = EHOSTUNREACH;
	return found->count == 0 ? -1 : 0;
}

int
resolver_find(const struct addr_spec *spec, const struct addr *host,
    struct addr_choice *found)
{
	char text[ADDR_NAME_MAX + 1];
	struct name *n;

	found->count = 1;
	if (spec->kind != ADDR_HOST)
		return addr_spec_fixed(spec, host, &found->at[0]);
	pthread_mutex_lock(&lock);
	n = find_or_add(addr_spec_name(spec, text));
	found->count = n->found.count;
	memcpy(found->at, n->found.at, n->found.count * sizeof found->at[0]);
	if (found->count == 0)
		hurry(n);
	pthread_mutex_unlock(&lock);
	return set_ports(found, spec->port);
}

void
resolver_doubt(const struct addr_spec *spec)
{
	char text[ADDR_NAME_MAX + 1];

	if (spec->kind != ADDR_HOST)
		return;
	pthread_mutex_lock(&lock);
	hurry(find_or_add(addr_spec_name(spec, text)));
	pthread_mutex_unlock(&lock);
}

bool
resolver_is_busy(void)
{
	bool busy = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count && has_thread; i++)
		busy = busy || !names[i].looked_up;
	pthread_mutex_unlock(&lock);
	return busy;
}

int
resolver_look_up(const struct addr_spec *spec, const struct addr *host,
    struct addr_choice *found)
{
	char text[ADDR_NAME_MAX + 1];

	found->count = 1;
	if (spec->kind != ADDR_HOST)
		return addr_spec_fixed(spec, host, &found->at[0]);
	(void)look_up(addr_spec_name(spec, text), found);
	return set_ports(found, spec->port);
}
