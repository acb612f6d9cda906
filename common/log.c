/*
 * Log lines to syslog or the console.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log_console.h"
#include "common/log_queue.h"
#include "common/strutil.h"

/* Written by the main thread before it starts others; read-only after. */
static const char *log_ident = "";
static int console_priority = -1;
static bool starting = true;

static _Thread_local const char *thread_id;

/* Kinds of lines that are written rarely: under the lock. */
static pthread_mutex_t kinds_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_kind *kinds;
/* When a count is to be told, on deadline's clock, 0: never; read by all. */
static _Atomic int64_t kinds_due;

static void
to_syslog(int priority, const char *line)
{
	syslog(priority, "%s", line);
}

void
log_open(const char *ident)
{
	log_ident = ident;
	openlog(ident, 0, LOG_MAIL);
	log_queue_to(to_syslog);
	(void)atexit(log_close);
}

void
log_to_console(int level)
{
	console_priority = LOG_ERR + level;
}

void
log_started(void)
{
	starting = false;
	/* Without a thread the lines are written at the end. */
	if (console_priority < 0 && log_queue_start() < 0)
		fprintf(stderr, "%s: couldn't start to log\n", log_ident);
}

unsigned long
log_lost(void)
{
	return log_queue_lost() + log_console_lost();
}

bool
log_wants(int priority)
{
	if (console_priority >= 0)
		return priority <= console_priority ||
		    (starting && priority <= LOG_WARNING);
	return priority <= LOG_INFO;
}

void
log_set_id(const char *id)
{
	thread_id = id;
}

/*
 * Octets that snprintf(3), returning n, has put into a room of cap octets at s.
 * What was cut ends in dots.
 */
static size_t
written(char *s, int n, size_t cap)
{
	if (n < 0)
		return 0;
	if ((size_t)n < cap)
		return (size_t)n;
	for (size_t i = 2; i <= 4 && i <= cap; i++)
		s[cap - i] = '.';
	return cap - 1;
}

static void __attribute__((format(printf, 3, 0)))
write_line(const char *id, int priority, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[LOG_LINE_MAX];
	size_t ident, len;

	ident = written(
	    line, snprintf(line, sizeof line, "%s: ", log_ident), sizeof line);
	len = ident;
	if (id != NULL)
		len += written(line + len,
		    snprintf(line + len, sizeof line - len, "%s: ", id),
		    sizeof line - len);
	errno = saved;
	len += written(line + len,
	    vsnprintf(line + len, sizeof line - len, fmt, ap),
	    sizeof line - len);
	str_mask_controls(line, len);
	if (console_priority < 0)
		log_queue_put(priority, line + ident, len - ident);
	if (console_priority >= 0 || (starting && priority <= LOG_WARNING)) {
		line[len++] = '\n';
		log_console_write(log_ident, line, len);
	}
	errno = saved;
}

static void __attribute__((format(printf, 2, 3)))
write_plain(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	/* The checker of clang 14 does not see va_start in C.
	 * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	write_line(NULL, priority, fmt, ap);
	va_end(ap);
}

/* The next kind of which there is something to tell, if it is time; or NULL. */
static struct log_kind *
find_due(bool at_once, int64_t *next)
{
	struct log_kind *found = NULL;

	*next = 0;
	for (struct log_kind *k = kinds; k != NULL; k = k->next)
		if (k->more > 0 && found == NULL &&
		    (at_once || deadline_left_ms(k->until) == 0))
			found = k;
		else if (k->more > 0 && (*next == 0 || k->until.at_ms < *next))
			*next = k->until.at_ms;
	return found;
}

/* Tell the counts of the kinds whose time is over, or of all. */
static void
tell_counts(bool at_once)
{
	struct log_kind *k;
	struct log_kind told = {0};
	int64_t next;

	do {
		pthread_mutex_lock(&kinds_lock);
		k = find_due(at_once, &next);
		if (k != NULL) {
			told = *k;
			k->more = 0;
		} else
			atomic_store(&kinds_due, next);
		pthread_mutex_unlock(&kinds_lock);
		if (k != NULL)
			write_plain(LOG_WARNING, "%lu more like this: %s",
			    told.more, told.text);
	} while (k != NULL);
}

static void
tell_counts_in_time(void)
{
	struct deadline due = {atomic_load(&kinds_due)};

	if (due.at_ms != 0 && deadline_left_ms(due) == 0)
		tell_counts(false);
}

void
log_close(void)
{
	tell_counts(true);
	log_queue_finish(LOG_CLOSE_MS);
}

void
log_write(int priority, const char *fmt, ...)
{
	va_list ap;

	if (!log_wants(priority))
		return;
	tell_counts_in_time();
	va_start(ap, fmt);
	write_line(thread_id, priority, fmt, ap);
	va_end(ap);
}

/* Is this line one too many?  Then it is counted. */
static bool
is_counted(struct log_kind *kind, const char *text)
{
	int64_t due;
	bool counted;

	pthread_mutex_lock(&kinds_lock);
	if (!kind->known) {
		kind->known = true;
		kind->next = kinds;
		kinds = kind;
	}
	counted = kind->until.at_ms != 0 && deadline_left_ms(kind->until) > 0;
	if (counted) {
		kind->more++;
		due = atomic_load(&kinds_due);
		if (due == 0 || kind->until.at_ms < due)
			atomic_store(&kinds_due, kind->until.at_ms);
	} else {
		kind->until = deadline_in(LOG_RARELY_MS);
		snprintf(kind->text, sizeof kind->text, "%s", text);
	}
	pthread_mutex_unlock(&kinds_lock);
	return counted;
}

void
log_write_rarely(struct log_kind *kind, int priority, const char *fmt, ...)
{
	int saved = errno;
	char text[sizeof kind->text];
	va_list ap;

	if (!log_wants(priority))
		return;
	va_start(ap, fmt);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): as above */
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	tell_counts_in_time();
	if (!is_counted(kind, text))
		log_write(priority, "%s", text);
	errno = saved;
}
