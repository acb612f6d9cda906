/*
 * Who the client is: who has connected to us, before that whom a balancer has
 * named (PROXY protocol), before that whom a mail server has named (XFORWARD).
 * Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_ORIGIN_H
#define SRC_SMTP_ORIGIN_H

#include "common/net.h"
#include "common/proxy_protocol.h"

struct origin {
	struct addr peer; /* who has connected to us; len 0: gone already */
	struct addr client; /* who that stands for, by the PROXY protocol */
	struct addr destination; /* with a port, of the header; len 0: none */
};

/* A connection of peer, and of nobody else as far as is known. */
void origin_set(struct origin *o, const struct addr *peer);

/* The peer has told of the client; its networks may, says who calls. */
void origin_take_header(
    struct origin *o, const struct proxy_protocol_header *h);

/*
 * The true client: remote, which is what an accepted XFORWARD says of its
 * address ("": nothing), where who said it is of this host, a local socket, or of
 * one of the networks; else client.  A stranger says it of himself in vain, and
 * one for whom a balancer has connected is a stranger, wherever the balancer is.
 */
struct addr origin_true_client(const struct origin *o,
    const struct net_list *networks, const char *remote);

#endif
