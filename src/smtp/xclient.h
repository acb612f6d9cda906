/*
 * XCLIENT: what a server that offers it is told of the client.  Pure.
 *
 * Source: Postfix XCLIENT_README.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_XCLIENT_H
#define SRC_SMTP_XCLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/strbuf.h"

#define XCLIENT_LINE_MAX 512 /* octets of a command with CRLF */

/* The attributes that we know of, as bits of a set. */
enum xclient {
	XCLIENT_NAME = 1, /* always [UNAVAILABLE], as no name is looked up */
	XCLIENT_ADDR = 2,
	XCLIENT_PORT = 4,
	XCLIENT_DESTADDR = 8,
	XCLIENT_DESTPORT = 16,
	XCLIENT_PROTO = 32,
	XCLIENT_HELO = 64
};

struct xclient_facts {
	const struct addr *client;
	const struct addr *destination; /* where it connected to */
	const char *hello; /* the line of its EHLO, LHLO or HELO */
	size_t hello_len;
};

/* The set that is offered by "XCLIENT NAME ADDR ...", words of an EHLO reply. */
unsigned xclient_offered(const char *text, size_t len);

/*
 * Make the next command, without CRLF, in line (cleared first): as many
 * attributes of *set as it has room for, of those that are known.  They are
 * taken out of *set, with those that are not known or never fit.  False when
 * nothing is left.
 */
bool xclient_next(
    unsigned *set, const struct xclient_facts *facts, struct strbuf *line);

#endif
