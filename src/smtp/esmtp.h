/*
 * Service extensions: which keywords of the server's EHLO reply the client may
 * see.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_ESMTP_H
#define SRC_SMTP_ESMTP_H

#include <stdbool.h>
#include <stddef.h>

enum esmtp_keyword {
	ESMTP_PASSED, /* the client sees it */
	ESMTP_FILTERED, /* not known to do no harm: the client must not see it */
	ESMTP_PIPELINING, /* passed, and the server takes groups of commands */
	ESMTP_SIZE, /* passed, and it takes messages up to a size */
	ESMTP_CODES, /* passed, and its replies have enhanced status codes */
	ESMTP_XFORWARD, /* passed to who may tell of other clients */
	ESMTP_XCLIENT /* filtered, and the server takes XCLIENT */
};

/* Stands in for a filtered keyword on the last line of a reply. */
#define ESMTP_PLACEHOLDER "XFILTERED"

/*
 * Judge the text of one line of an EHLO reply (behind "250-").
 * Passed is what is known to do no harm; AUTH= is an older form of AUTH.
 * Source: RFC 5321 4.1.1.1; RFC 2920 (PIPELINING); RFC 1870 (SIZE); RFC 2034
 * (ENHANCEDSTATUSCODES); the registry of extensions.
 */
enum esmtp_keyword esmtp_judge(const char *text, size_t len);

/*
 * The largest message that the text of a line with SIZE announces, in octets as
 * RFC 1870 5 counts them; 0: it tells none.
 */
unsigned long long esmtp_size(const char *text, size_t len);

/*
 * Has the argument of a MAIL or RCPT a parameter behind its path that belongs
 * to an extension which is hidden on purpose?  All else is the server's to
 * judge.  Source: RFC 5321 4.1.2, RFC 3030, RFC 1845, RFC 8689; Exim (PRDR).
 */
bool esmtp_hides_parameter(const char *arg, size_t len);

#endif
