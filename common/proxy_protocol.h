/*
 * The header that a balancer puts before a connection which it passes on, to
 * tell who the client is.  Pure.
 *
 * Source: The PROXY protocol, versions 1 and 2 (haproxy, doc/proxy-protocol.txt).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_PROXY_PROTOCOL_H
#define COMMON_PROXY_PROTOCOL_H

#include "common/addr.h"

#define PROXY_PROTOCOL_LINE_MAX 107 /* octets of a header of version 1; 2.1 */
#define PROXY_PROTOCOL_TLVS_MAX 4096 /* octets behind the addresses; ours */

enum proxy_protocol {
	PROXY_PROTOCOL_MORE, /* what is there may become a header */
	PROXY_PROTOCOL_BAD, /* it is none */
	PROXY_PROTOCOL_KEEP, /* the header does not know: the peer is the client */
	PROXY_PROTOCOL_CLIENT, /* the header tells who the client is */
	PROXY_PROTOCOL_LOCAL /* the balancer itself wants to know how we are */
};

struct proxy_protocol_header {
	size_t len; /* octets of it, for KEEP, CLIENT and LOCAL */
	struct addr client; /* for CLIENT */
	struct addr destination; /* for CLIENT: where it had connected to */
};

/*
 * Read the header at the head of data, which has len octets so far.  A header
 * of more than its version (or PROXY_PROTOCOL_TLVS_MAX) allows is bad as soon
 * as that can be seen.  Local sockets and datagrams are of no use here, so the
 * client is who has connected then.
 */
enum proxy_protocol proxy_protocol_parse(
    const char *data, size_t len, struct proxy_protocol_header *h);

#endif
