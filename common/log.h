/*
 * Log lines: to syslog (facility mail), or to the console with a level.
 *
 * Priorities are those of syslog(3).  Level 0 of the console shows LOG_ERR and
 * worse, 1 adds LOG_WARNING, 2 LOG_NOTICE, 3 LOG_INFO, 4 LOG_DEBUG.  Every line
 * is written at once, so lines of several threads never mix, and every control
 * octet in it becomes '?', so nothing from outside can forge a line.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#define LOG_LINE_MAX 2048 /* octets of one line; longer ones end in dots */

/*
 * Begin: errors and warnings go to standard error as "ident: text" whatever
 * the level.  ident is borrowed for ever.  Called once, before any thread.
 */
void log_open(const char *ident);

/* All lines up to level (0 to 4) go to standard error, none to syslog. */
void log_to_console(int level);

/*
 * Starting is over: without a console, lines up to LOG_INFO go to syslog from
 * now on and none to standard error.
 */
void log_started(void);

/* True when a line of this priority would be written somewhere. */
bool log_wants(int priority);

/*
 * The calling thread's lines begin with "id: " from now on; NULL ends that.
 * id is borrowed until then.
 */
void log_set_id(const char *id);

/*
 * Write one line.  fmt as for printf(3), with %m for the text of errno; errno
 * is preserved.  May block as syslog(3) or write(2) on standard error does.
 */
void log_write(int priority, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
