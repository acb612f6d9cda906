/*
 * Addresses of sockets: IPv4, IPv6 and paths.
 *
 * An IPv4 address that is written as one of IPv6 (::ffff:192.0.2.1; RFC 4291
 * 2.5.5.2) never gets in here: it is made what it is, and an IPv6 socket of ours
 * takes no IPv4 connections.
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

#define ADDR_CHOICE_MAX 16

/* Several addresses, the one to be preferred first. */
struct addr_choice {
	size_t count;
	struct addr at[ADDR_CHOICE_MAX];
};

/*
 * The address of a host number: 4 octets of AF_INET or 16 of AF_INET6, in
 * network order; port in host order.  An IPv4 number in an IPv6 one
 * (::ffff:192.0.2.1) is the IPv4 address.
 */
void addr_set(
    struct addr *a, sa_family_t family, const void *number, in_port_t port);

/*
 * The same of sa, which is one of IPv4 or IPv6, with its interface.
 * Returns 0, or -1 with EAFNOSUPPORT when it is none.
 */
int addr_take(struct addr *a, const struct sockaddr *sa);

/* What the system calls a peer of an IPv6 socket that takes IPv4 too (one that
 * was handed over): an IPv4 number in an IPv6 one becomes the IPv4 address. */
void addr_unmap(struct addr *a);

/*
 * The same of len octets of text, which are a host number and nothing else:
 * no port, no name, no brackets.  Returns 0, or -1 with EINVAL.
 */
int addr_parse_number(
    struct addr *a, const char *text, size_t len, in_port_t port);

/* Is it an address of IPv4 or IPv6? */
bool addr_is_inet(const struct addr *a);

/* Its port in host order; 0 if it has none. */
in_port_t addr_port(const struct addr *a);

/* Set the port (host order) of an internet address. */
void addr_set_port(struct addr *a, in_port_t port);

/* Is it what a listener is bound to that takes connections to any address? */
bool addr_is_any(const struct addr *a);

/* Do both have the same host number, whatever their ports? */
bool addr_same_host(const struct addr *a, const struct addr *b);

/* The same host number and port? */
bool addr_same(const struct addr *a, const struct addr *b);

/*
 * The host number or path of a, without port and scope, as text in buf (which
 * has ADDR_TEXT_MAX octets); empty for an unnamed socket.  Returns buf.
 */
const char *addr_host(const struct addr *a, char *buf);

#endif
