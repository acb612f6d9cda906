/*
 * Command lines of SMTP: verb and argument.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_SMTP_COMMAND_H
#define SRC_SMTP_SMTP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#define SMTP_LINE_MAX 4219 /* octets without line end; what 1.10 let pass */
/* AUTH, its challenges and their answers, without line end; RFC 4954 4 */
#define SMTP_AUTH_LINE_MAX 12288

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
 * Does the line begin with a word that has another octet than letters, digits
 * and hyphens?  Only blank and tab end it.  An empty line has no such word.
 * Source: RFC 5321 4.1.1; what some server might read out of such a word.
 */
bool smtp_command_is_malformed(const char *line, size_t len);

/*
 * Is a command whose verb we do not know the request line of a web client: GET,
 * POST and the like, or any other word that is none of SMTP's, with HTTP/
 * behind it?  Source: RFC 9110 9, RFC 9112 3.
 */
bool smtp_command_is_http(const struct smtp_command *c);

/* What may wait behind a line of the client's before its reply has left. */
enum smtp_behind {
	SMTP_BEHIND_NOTHING,
	SMTP_BEHIND_QUIT, /* a client may leave at any time */
	SMTP_BEHIND_ANYTHING,
	SMTP_BEHIND_CHUNK /* of content, which is no command */
};

/*
 * What may wait behind a line that allows at_most.  pipelining: was PIPELINING
 * in the reply to the client's last EHLO?  Source: RFC 2920 3.1.
 */
enum smtp_behind smtp_command_behind(enum smtp_behind at_most, bool pipelining);

/* May these unread octets wait?  QUIT may be on its way octet by octet. */
bool smtp_command_may_wait(
    enum smtp_behind behind, const char *unread, size_t len);

/* Is there a whole line with QUIT among the unread octets? */
bool smtp_command_finds_quit(const char *unread, size_t len);

/*
 * The number of octets that follow a BDAT command with argument arg (RFC 3030
 * 2).  Returns 0 and sets *octets, or -1 when it tells no number.
 */
int smtp_command_bdat_size(
    const char *arg, size_t arg_len, unsigned long long *octets);

#endif
