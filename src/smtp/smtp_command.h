/*
 * Command lines of SMTP: verb and argument.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_SMTP_COMMAND_H
#define SRC_SMTP_SMTP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* A command line taken apart; all point into it. */
struct smtp_command {
	const char *line; /* len octets: the whole, without its end */
	size_t len;
	const char *verb; /* verb_len octets; none in an empty line */
	size_t verb_len;
	const char *arg; /* behind the verb and its blanks */
	size_t arg_len; /* without trailing white space */
};

/*
 * Take a line (without its end) apart.  White space before the verb does not
 * count, the verb ends at white space or the end of the line.  The result
 * points into line.  Cannot fail.  Source: RFC 5321 2.4 and 4.1.1.
 */
struct smtp_command smtp_command_parse(const char *line, size_t len);

/*
 * Is there an octet that no command may have and that some server would take
 * for a line end: NUL or CR?  Source: RFC 5321 2.3.8.
 */
bool smtp_command_has_stray(const char *line, size_t len);

/*
 * The number of octets that follow a BDAT command with argument arg (RFC 3030
 * 2).  Returns 0 and sets *octets, or -1 when it tells no number.
 */
int smtp_command_bdat_size(
    const char *arg, size_t arg_len, unsigned long long *octets);

#endif
