/*
 * Service extensions: which keywords of the server's EHLO reply the client may
 * see.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_ESMTP_H
#define SRC_SMTP_ESMTP_H

#include <stddef.h>

enum esmtp_keyword {
	ESMTP_PASSED, /* the client sees it */
	ESMTP_FILTERED, /* we cannot honour it: the client must not see it */
	ESMTP_PIPELINING, /* passed, and the server takes groups of commands */
	ESMTP_XCLIENT /* filtered, and the server takes XCLIENT */
};

/* Stands in for a filtered keyword on the last line of a reply. */
#define ESMTP_PLACEHOLDER "XFILTERED"

/*
 * Judge the text of one line of an EHLO reply (behind "250-").
 * Source: RFC 5321 4.1.1.1; what 1.10 filtered; RFC 2920 (PIPELINING).
 */
enum esmtp_keyword esmtp_judge(const char *text, size_t len);

#endif
