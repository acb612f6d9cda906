/*
 * Addresses of sockets: how they are written and what they stand for.
 *
 *   25              the port alone
 *   192.0.2.1:25    host (name or IPv4 number) and port
 *   192.0.2.1       host with the default port
 *   /run/x.sock     an absolute path (anything with a slash)
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Room for any address as addr_host prints it. */
#define ADDR_TEXT_MAX sizeof(((struct sockaddr_un *)0)->sun_path)

struct addr {
	socklen_t len; /* 0: no address */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
};

enum addr_kind {
	ADDR_NONE, /* nothing was set */
	ADDR_PORT, /* the port alone; who uses it knows the host */
	ADDR_HOST, /* a name that is looked up at each use */
	ADDR_FIXED /* a number or a path, in addr */
};

/* What somebody wrote. */
struct addr_spec {
	enum addr_kind kind;
	const char *text; /* as written; borrowed from addr_parse's caller */
	in_port_t port; /* host order */
	struct addr addr; /* for ADDR_FIXED */
};

#define ADDR_LIST_MAX 16 /* addresses of one option */

/* Addresses in the order of preference. */
struct addr_list {
	size_t count;
	struct addr_spec spec[ADDR_LIST_MAX];
};

/*
 * Understand text.  default_port stands in where text has none (host order).
 * text is borrowed for as long as spec is used.  Pure: no name is looked up.
 * Returns 0, or -1 with EINVAL when text is no address.
 */
int addr_parse(
    struct addr_spec *spec, const char *text, in_port_t default_port);

/*
 * The socket address of spec; for ADDR_PORT the host is the one of host, or
 * INADDR_ANY when host is NULL or no internet address.  Looks names up, and
 * may block as getaddrinfo(3) does.
 * Returns 0, or -1 with EHOSTUNREACH when the name cannot be resolved, or with
 * EAFNOSUPPORT when it has addresses of IPv6 alone.
 */
int addr_resolve(
    const struct addr_spec *spec, const struct addr *host, struct addr *out);

/*
 * The address of a host number: 4 octets of AF_INET or 16 of AF_INET6, in
 * network order; port in host order.  An IPv4 number in an IPv6 one
 * (::ffff:192.0.2.1) is the IPv4 address.
 */
void addr_set(
    struct addr *a, sa_family_t family, const void *number, in_port_t port);

/*
 * The same of len octets of text, which are a host number and nothing else:
 * no port, no name, no brackets.  Returns 0, or -1 with EINVAL.
 */
int addr_parse_number(
    struct addr *a, const char *text, size_t len, in_port_t port);

/* The port of an internet address, in host order; 0 where there is none. */
in_port_t addr_port(const struct addr *a);

/* Do both have the same host number, whatever their ports? */
bool addr_same_host(const struct addr *a, const struct addr *b);

/* Is a the number of one of this host's interfaces, or of its loopback net?
 * Asks the system; an address that cannot be told is not ours. */
bool addr_is_ours(const struct addr *a);

/*
 * Would a connection to a arrive at a socket that listens on listen?  Asks the
 * system whether two paths are one file, and for the host's own addresses, but
 * only where the answer hangs on it.
 */
bool addr_reaches(const struct addr *a, const struct addr *listen);

/*
 * The host number or path of a, without its port, as text in buf (which has
 * ADDR_TEXT_MAX octets); empty for an unnamed socket.  Returns buf.
 */
const char *addr_host(const struct addr *a, char *buf);

#endif
