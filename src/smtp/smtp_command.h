/*
 * Command lines of SMTP: the verb and its argument.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_SMTP_COMMAND_H
#define SRC_SMTP_SMTP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum smtp_verb {
	SMTP_EHLO,
	SMTP_HELO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_RSET,
	SMTP_QUIT,
	SMTP_AUTH,
	SMTP_XFORWARD,
	SMTP_XCLIENT, /* ours to send, refused from the client */
	SMTP_BDAT, /* content that does not come by DATA: refused */
	SMTP_REFUSED, /* other verbs that would bypass the scan: refused */
	SMTP_OTHER /* all else is the server's business */
};

struct smtp_command {
	enum smtp_verb verb;
	const char *arg; /* behind the verb and its blanks; within the line */
	size_t arg_len; /* without trailing white space */
};

/*
 * Take a line (without its end) apart.  White space before the verb does not
 * count, the verb ends at white space or the end of the line, and case does
 * not matter.  The result points into line.  Cannot fail: what is not known is
 * SMTP_OTHER.  Source: RFC 5321 2.4 and 4.1.1.
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

/*
 * May other commands follow this one in a group, before its reply?
 * Source: RFC 2920 3.1.
 */
bool smtp_command_may_be_followed(enum smtp_verb verb);

#endif
