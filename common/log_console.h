/*
 * Standard error as a place for log lines, which nobody waits for long.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_LOG_CONSOLE_H
#define COMMON_LOG_CONSOLE_H

#include <stddef.h>

#define LOG_CONSOLE_MS 1000 /* for a console that was not full before */

/*
 * Write a line of len octets, at most PIPE_BUF, with its line end.  Waits for
 * LOG_CONSOLE_MS when the console has become full, and not while it stays so.
 * Lines that find no room are lost; how many were is told, beginning with
 * ident, before the next one.
 */
void log_console_write(const char *ident, const char *line, size_t len);

/* How many were lost, ever. */
unsigned long log_console_lost(void);

#endif
