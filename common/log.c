/*
 * Log lines to syslog or the console.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Written by the main thread before it starts others; read-only after. */
static const char *log_ident = "";
static int console_priority = -1;
static bool starting = true;

static _Thread_local const char *thread_id;

void
log_open(const char *ident)
{
	log_ident = ident;
	openlog(ident, 0, LOG_MAIL);
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

static void
make_printable(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < ' ' || c == 0x7f)
			s[i] = '?';
	}
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

void
log_write(int priority, const char *fmt, ...)
{
	int saved = errno;
	char line[LOG_LINE_MAX];
	size_t ident, len;
	va_list ap;
	int n;

	if (!log_wants(priority))
		return;
	ident = written(
	    line, snprintf(line, sizeof line, "%s: ", log_ident), sizeof line);
	len = ident;
	if (thread_id != NULL)
		len += written(line + len,
		    snprintf(line + len, sizeof line - len, "%s: ", thread_id),
		    sizeof line - len);
	errno = saved;
	va_start(ap, fmt);
	/* The checker of clang 14 does not see va_start in C.
	 * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	n = vsnprintf(line + len, sizeof line - len, fmt, ap);
	va_end(ap);
	len += written(line + len, n, sizeof line - len);
	make_printable(line, len);
	if (console_priority < 0)
		syslog(priority, "%s", line + ident);
	if (console_priority >= 0 || (starting && priority <= LOG_WARNING)) {
		line[len++] = '\n';
		/* A console that is gone is no reason to fail. */
		if (write(STDERR_FILENO, line, len) < 0)
			errno = saved;
	}
	errno = saved;
}
