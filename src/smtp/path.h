/*
 * The address in the argument of MAIL or RCPT, for those who decide by it.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_PATH_H
#define SRC_SMTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Find the address in arg, which is "FROM:<a@b> SIZE=1" if word is "FROM:": what
 * stands between the angle brackets, without a source route; "<>" where that is
 * nothing.  It points into arg; a quoted local part keeps its quotes.
 * False when a server could read something else in arg: there are no brackets,
 * something else stands before them, more than parameters behind, or in them
 * what needs quotes and has none.
 * Source: RFC 5321 4.1.2 (Path), 4.1.1.2, 4.1.1.3, C (source routes).
 */
bool path_find(const char *arg, size_t len, const char *word,
    const char **address, size_t *address_len);

#endif
