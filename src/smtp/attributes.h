/*
 * Lists of attributes, "NAME=value NAME=value", as XFORWARD and XCLIENT have
 * them.  Pure.
 *
 * Source: Postfix XFORWARD_README, XCLIENT_README; RFC 3461 4 (xtext).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_ATTRIBUTES_H
#define SRC_SMTP_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/strbuf.h"

#define ATTRIBUTES_UNKNOWN "[UNAVAILABLE]" /* a value that is not known */

/* One attribute; borrowed from the list. */
struct attribute {
	const char *name; /* without '='; letters of any case */
	size_t name_len;
	const char *value; /* as it is on the wire */
	size_t value_len;
};

/*
 * Take the next attribute off the head of the list: *list, *len become what
 * follows.  A word without '=' has an empty value.  False at the end.
 */
bool attributes_next(const char **list, size_t *len, struct attribute *a);

/* Does the value say that there is none: [UNAVAILABLE], [TEMPUNAVAIL], empty? */
bool attributes_is_unset(const struct attribute *a);

/*
 * Put the value in out (cleared first): xtext decoded, without the brackets
 * around a number, control octets as '?'.  Nothing for one that is unset.
 */
void attributes_decode(const struct attribute *a, struct strbuf *out);

/*
 * The same for an address, of which the prefix "IPV6:" goes, too; anything that
 * is no address stays what it is.
 */
void attributes_decode_address(const struct attribute *a, struct strbuf *out);

/* Append len octets of text in xtext: what is no plain octet as "+XX". */
void attributes_encode(const char *text, size_t len, struct strbuf *out);

/*
 * Append the address of a, with "IPV6:" where it is one of IPv6; nothing for a
 * local socket.
 */
void attributes_encode_address(const struct addr *a, struct strbuf *out);

#endif
