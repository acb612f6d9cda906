/*
 * Names.  getaddrinfo(3) is played: it answers from a table, or waits.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "common/log.h"
#include "tests/unit/unit.h"

#define WAIT_MS 20000
#define PLAYED 200

/* What is answered about a name, and how often it was asked for. */
static struct played {
	char host[32];
	int error;
	const char *numbers[20]; /* NULL behind the last */
	unsigned asked;
} table[PLAYED];
static size_t played;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER; /* held: it waits */

static atomic_long ahead_s; /* the clock is */

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **all);
void __wrap_freeaddrinfo(struct addrinfo *all);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int rc = __real_clock_gettime(clock, ts);

	ts->tv_sec += atomic_load(&ahead_s);
	return rc;
}

static struct played *
find(const char *host)
{
	for (size_t i = 0; i < played; i++)
		if (strcmp(table[i].host, host) == 0)
			return &table[i];
	return NULL;
}

/* One name more, or another answer.  The lock is taken. */
static void
set(const char *host, int error, const char *const *numbers)
{
	struct played *p;

	pthread_mutex_lock(&lock);
	p = find(host);
	if (p == NULL) {
		assert_true(played < PLAYED);
		p = &table[played++];
		snprintf(p->host, sizeof p->host, "%s", host);
	}
	p->error = error;
	for (size_t i = 0; i < COUNT(p->numbers); i++)
		p->numbers[i] = NULL;
	for (size_t i = 0; numbers != NULL && numbers[i] != NULL; i++)
		p->numbers[i] = numbers[i];
	pthread_mutex_unlock(&lock);
}

static unsigned
times_asked(const char *host)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = find(host)->asked;
	pthread_mutex_unlock(&lock);
	return n;
}

int
__wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **all)
{
	struct played *p;
	int error = EAI_NONAME;

	(void)service;
	(void)hints;
	pthread_mutex_lock(&door);
	pthread_mutex_unlock(&door);
	pthread_mutex_lock(&lock);
	*all = NULL;
	p = find(host);
	if (p != NULL) {
		p->asked++;
		error = p->error;
		for (size_t i = 0; i < COUNT(p->numbers); i++) {
			struct addrinfo **end = all, *one;
			struct addr *a;

			if (p->numbers[i] == NULL)
				break;
			while (*end != NULL)
				end = &(*end)->ai_next;
			one = calloc(1, sizeof *one + sizeof *a);
			a = (struct addr *)(one + 1);
			(void)addr_parse_number(
			    a, p->numbers[i], strlen(p->numbers[i]), 7);
			one->ai_addr = &a->u.sa;
			one->ai_addrlen = a->len;
			*end = one;
		}
	}
	pthread_mutex_unlock(&lock);
	return error;
}

void
__wrap_freeaddrinfo(struct addrinfo *all)
{
	while (all != NULL) {
		struct addrinfo *next = all->ai_next;

		free(all);
		all = next;
	}
}

static struct addr_spec
spec_of(const char *text)
{
	struct addr_spec spec;

	assert_int_equal(addr_spec_parse(&spec, text, 25), 0);
	return spec;
}

/* What is known of text now: "1.2.3.4 ::1", or "" for nothing. */
static const char *
known(const char *text, char said[512])
{
	const struct addr_spec spec = spec_of(text);
	char host[ADDR_TEXT_MAX];
	struct addr_choice found;
	size_t len = 0;

	said[0] = '\0';
	errno = 0;
	if (resolver_find(&spec, NULL, &found) < 0) {
		assert_int_equal(errno, EHOSTUNREACH);
		assert_int_equal(found.count, 0);
		return said;
	}
	assert_true(found.count > 0);
	for (size_t i = 0; i < found.count; i++) {
		assert_int_equal(addr_port(&found.at[i]), spec.port);
		len += (size_t)snprintf(said + len, 512 - len, "%s%s",
		    i == 0 ? "" : " ", addr_host(&found.at[i], host));
	}
	return said;
}

/* Wait until want is what is known of text. */
static void
expect(const char *text, const char *want)
{
	char said[512];

	for (int ms = 0; ms < WAIT_MS; ms += 10) {
		if (strcmp(known(text, said), want) == 0)
			return;
		(void)poll(NULL, 0, 10);
	}
	assert_string_equal(said, want);
}

static long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long)(ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* Before it may, nothing is looked up, and numbers need no look-up. */
static void
nothing_is_started_early(void **state)
{
	static const char *const numbers[] = {"192.0.2.1", NULL};
	const struct addr_spec early = spec_of("early.test:26");
	struct addr_choice found;
	char said[512];

	(void)state;
	set("early.test", 0, numbers);
	assert_string_equal(known("early.test", said), "");
	assert_string_equal(known("[::1]:25", said), "::1");
	assert_false(resolver_is_busy());
	assert_int_equal(times_asked("early.test"), 0);
	/* Here and now it may be. */
	assert_int_equal(resolver_look_up(&early, NULL, &found), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(addr_port(&found.at[0]), 26);
	resolver_start();
	expect("early.test", "192.0.2.1");
}

static void
has_all_addresses(void **state)
{
	static const char *const numbers[] = {"2001:db8::2", "192.0.2.3",
	    "::ffff:192.0.2.3", "2001:db8::1", "192.0.2.1", "2001:db8::2",
	    NULL};

	(void)state;
	set("all.test", 0, numbers);
	/* IPv4 first, each once. */
	expect("all.test:99", "192.0.2.3 192.0.2.1 2001:db8::2 2001:db8::1");
	expect("ALL.test:1", "192.0.2.3 192.0.2.1 2001:db8::2 2001:db8::1");
	assert_int_equal(times_asked("all.test"), 1);
}

static void
addresses_have_a_limit(void **state)
{
	static char texts[20][24];
	const char *numbers[21] = {NULL};
	const struct addr_spec spec = spec_of("many.test");
	struct addr_choice found;

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(texts[i], sizeof texts[i], "192.0.2.%d", i);
		numbers[i] = texts[i];
	}
	set("many.test", 0, numbers);
	assert_int_equal(resolver_look_up(&spec, NULL, &found), 0);
	assert_int_equal(found.count, ADDR_CHOICE_MAX);
}

/* Nobody waits for it, and it is seen when it comes. */
static void
nobody_waits(void **state)
{
	static const char *const numbers[] = {"192.0.2.9", NULL};
	const long begun = now_ms();
	char said[512];

	(void)state;
	set("slow.test", 0, numbers);
	pthread_mutex_lock(&door);
	assert_string_equal(known("slow.test", said), "");
	assert_true(resolver_is_busy());
	(void)poll(NULL, 0, 50);
	assert_string_equal(known("slow.test", said), "");
	pthread_mutex_unlock(&door);
	expect("slow.test", "192.0.2.9");
	assert_false(resolver_is_busy());
	assert_true(now_ms() - begun < WAIT_MS);
}

static void
a_name_comes_later(void **state)
{
	static const char *const numbers[] = {"192.0.2.4", NULL};
	char said[512];

	(void)state;
	set("later.test", EAI_NONAME, NULL);
	while (known("later.test", said), resolver_is_busy())
		(void)poll(NULL, 0, 10);
	assert_string_equal(said, "");
	set("later.test", 0, numbers);
	expect("later.test", "192.0.2.4");
}

/* Doubt has it looked up again, but not as often as one likes. */
static void
doubt_looks_again(void **state)
{
	static const char *const before[] = {"192.0.2.5", NULL};
	static const char *const after[] = {"192.0.2.6", NULL};
	const struct addr_spec spec = spec_of("moved.test");
	const struct addr_spec fixed = spec_of("[::1]:25");
	const long begun = now_ms();

	(void)state;
	set("moved.test", 0, before);
	expect("moved.test", "192.0.2.5");
	set("moved.test", 0, after);
	resolver_doubt(&fixed);
	for (int i = 0; i < 100; i++)
		resolver_doubt(&spec);
	expect("moved.test", "192.0.2.6");
	assert_int_equal(times_asked("moved.test"), 2);
	assert_true(now_ms() - begun >= 900);
	/* Where nobody can be asked, the last answer stays... */
	set("moved.test", EAI_AGAIN, NULL);
	for (int ms = 0; times_asked("moved.test") < 3 && ms < WAIT_MS;
	     ms += 10) {
		resolver_doubt(&spec);
		(void)poll(NULL, 0, 10);
	}
	expect("moved.test", "192.0.2.6");
	/* ... and not where there is no such name any more. */
	set("moved.test", EAI_NONAME, NULL);
	resolver_doubt(&spec);
	expect("moved.test", "");
}

/* The table has an end; who is asked for stays in it. */
static void
names_have_a_limit(void **state)
{
	static const char *const numbers[] = {"192.0.2.7", NULL};
	char name[32], said[512];

	(void)state;
	for (int i = 0; i < RESOLVER_NAMES_MAX + 20; i++) {
		snprintf(name, sizeof name, "n%d.test", i);
		set(name, 0, numbers);
		expect(name, "192.0.2.7");
		assert_string_equal(known("n0.test", said), "192.0.2.7");
	}
	assert_int_equal(times_asked("n0.test"), 1);
	assert_string_equal(known("early.test", said), ""); /* forgotten */
	expect("early.test", "192.0.2.1");
}

/* What is known is looked up again each minute, though nobody doubts it. */
static void
a_minute_later(void **state)
{
	static const char *const before[] = {"192.0.2.10", NULL};
	static const char *const after[] = {"192.0.2.11", NULL};

	(void)state;
	set("minute.test", 0, before);
	set("other1.test", 0, before);
	set("other2.test", 0, before);
	expect("minute.test", "192.0.2.10");
	set("minute.test", 0, after);
	/* The thread looks at the clock when there is another name. */
	atomic_store(&ahead_s, 50);
	expect("other1.test", "192.0.2.10");
	expect("minute.test", "192.0.2.10");
	atomic_store(&ahead_s, 61);
	expect("other2.test", "192.0.2.10");
	expect("minute.test", "192.0.2.11");
	assert_int_equal(times_asked("minute.test"), 2);
}

static void
nothing_more_after_the_stop(void **state)
{
	static const char *const numbers[] = {"192.0.2.8", NULL};
	char said[512];

	(void)state;
	set("late.test", 0, numbers);
	resolver_stop();
	assert_string_equal(known("late.test", said), "");
	(void)poll(NULL, 0, 50);
	assert_string_equal(known("late.test", said), "");
	assert_int_equal(times_asked("late.test"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_started_early),
	    cmocka_unit_test(has_all_addresses),
	    cmocka_unit_test(addresses_have_a_limit),
	    cmocka_unit_test(nobody_waits),
	    cmocka_unit_test(a_name_comes_later),
	    cmocka_unit_test(doubt_looks_again),
	    cmocka_unit_test(names_have_a_limit),
	    cmocka_unit_test(a_minute_later),
	    cmocka_unit_test(nothing_more_after_the_stop),
	};

	log_to_console(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
