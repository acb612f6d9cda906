/*
 * How addresses are written, before it is known what they stand for.
 *
 *   25                  the port alone
 *   192.0.2.1:25        host (name or IPv4 number) and port
 *   192.0.2.1           host with the default port
 *   [2001:db8::1]:25    IPv6; a number of one link with its interface,
 *   [fe80::1%eth0]:25   of which [] belongs to the number
 *   /run/x.sock         an absolute path (anything with a slash)
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_ADDR_SPEC_H
#define COMMON_ADDR_SPEC_H

#include "common/addr.h"

#define ADDR_NAME_MAX 255 /* octets of a host name; RFC 1035 2.3.4 */

enum addr_kind {
	ADDR_NONE, /* nothing was set */
	ADDR_PORT, /* the port alone; who uses it knows the host */
	ADDR_HOST, /* a name, or a number with its interface: resolver has it */
	ADDR_FIXED /* a number or a path, in addr */
};

/* What somebody wrote. */
struct addr_spec {
	enum addr_kind kind;
	in_port_t port; /* host order */
	const char
	    *text; /* as written; borrowed from addr_spec_parse's caller */
	const char *where; /* it was written: NULL, or as settings_where */
	struct addr addr; /* for ADDR_FIXED */
};

#define ADDR_LIST_MAX 16 /* addresses of one option */

/* Several of them, the one to be preferred first. */
struct addr_list {
	size_t count;
	struct addr_spec spec[ADDR_LIST_MAX];
};

/*
 * Understand text.  default_port stands in where text has none (host order).
 * text is borrowed for as long as spec is used.  Pure: no name is looked up.
 * Returns 0, or -1 with EINVAL when text is no address.
 */
int addr_spec_parse(
    struct addr_spec *spec, const char *text, in_port_t default_port);

/*
 * The socket address of spec when it is no name; for ADDR_PORT the host is the
 * one of host, or INADDR_ANY when host is NULL or no internet address.
 * Returns 0, or -1 with EHOSTUNREACH.
 */
int addr_spec_fixed(
    const struct addr_spec *spec, const struct addr *host, struct addr *out);

/* Are the same texts in the same order in both? */
bool addr_list_same(const struct addr_list *a, const struct addr_list *b);

/* Why the resolver does not know it (an ADDR_HOST), for a message. */
const char *addr_spec_gap(const struct addr_spec *spec);

/* Where it was written, for a message. */
const char *addr_spec_where(const struct addr_spec *spec);

/* The name of an ADDR_HOST, as getaddrinfo(3) wants it.  Returns name. */
const char *addr_spec_name(
    const struct addr_spec *spec, char name[ADDR_NAME_MAX + 1]);

#endif
