/*
 * Log lines to syslog or the console.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
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

/* Tell the counts of the kinds whose time is over, or of all. */
static void
tell_counts(bool at_once)
{
	struct log_kind told;

	while (log_kinds_take_due(at_once, &told))
		write_plain(LOG_WARNING, "%lu more like this: %s", told.more,
		    told.text);
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
	tell_counts(false);
	va_start(ap, fmt);
	write_line(thread_id, priority, fmt, ap);
	va_end(ap);
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
	tell_counts(false);
	if (!log_kinds_count(kind, text))
		log_write(priority, "%s", text);
	errno = saved;
}
