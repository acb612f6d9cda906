/*
 * Who the client is, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/origin.h"

#include <string.h>

void
origin_set(struct origin *o, const struct addr *peer)
{
	*o = (struct origin){.peer = *peer, .client = *peer};
}

void
origin_take_header(struct origin *o, const struct proxy_protocol_header *h)
{
	o->client = h->client;
	o->destination = h->destination;
}

struct addr
origin_true_client(
    const struct origin *o, const struct net_list *networks, const char *remote)
{
	struct addr named;

	if (addr_parse_number(&named, remote, strlen(remote), 0) == 0 &&
	    (net_is_local(&o->client) ||
		net_list_contains(networks, &o->client)))
		return named;
	return o->client;
}
