/*
 * Log lines: to syslog (facility mail), or to the console with a level.
 *
 * Priorities are those of syslog(3).  Level 0 of the console shows LOG_ERR and
 * worse, 1 adds LOG_WARNING, 2 LOG_NOTICE, 3 LOG_INFO, 4 LOG_DEBUG.  Lines of
 * several threads never mix, and every control octet becomes '?', so nothing
 * from outside can forge a line.
 *
 * Nobody waits for who takes the lines: syslog gets them from a queue, with the
 * time at which it takes them, and a console that is full is not waited for
 * again and again (common/log_console).  Lines that find no room are lost, counted and told of.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#include "common/log_kinds.h"

#define LOG_LINE_MAX 2048 /* octets of one line; longer ones end in dots */
#define LOG_CLOSE_MS 2000 /* for what still waits at the end */

/*
 * Begin: errors and warnings go to standard error as "ident: text" whatever
 * the level.  ident is borrowed for ever.  Called once, before any thread.
 * exit(3) calls log_close.
 */
void log_open(const char *ident);

/* At the end: hand over what still waits, within LOG_CLOSE_MS. */
void log_close(void);

/* All lines up to level (0 to 4) go to standard error, none to syslog. */
void log_to_console(int level);

/*
 * Starting is over: without a console, lines up to LOG_INFO go to syslog from
 * now on and none to standard error.  Called after the last fork(2).
 */
void log_started(void);

/* How many lines nobody took, ever. */
unsigned long log_lost(void);

/* True when a line of this priority would be written somewhere. */
bool log_wants(int priority);

/*
 * The calling thread's lines begin with "id: " from now on; NULL ends that.
 * id is borrowed until then.
 */
void log_set_id(const char *id);

/*
 * Write one line.  fmt as for printf(3), with %m for the text of errno; errno
 * is preserved.
 */
void log_write(int priority, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Write it unless it is one too many of its kind (common/log_kinds), which is
 * counted.  kind is static and zeroed.
 */
void log_write_rarely(struct log_kind *kind, int priority, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_rarely(priority, ...)                                              \
	do {                                                                   \
		static struct log_kind kind;                                   \
		log_write_rarely(&kind, priority, __VA_ARGS__);                \
	} while (0)

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
