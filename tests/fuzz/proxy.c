/*
 * Fuzz target: the header of the PROXY protocol.  What is one, is one at every
 * cut; what is none, stays none; and it reads back as it was told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/proxy_protocol.h"

#include "tests/fuzz/fuzz.h"

#define HEADER_MAX (16 + 216 + PROXY_PROTOCOL_TLVS_MAX)

static bool
is_inet(const struct addr *a)
{
	return a->len != 0 &&
	    (a->u.sa.sa_family == AF_INET || a->u.sa.sa_family == AF_INET6);
}

/* Version 1 of the same header. */
static void
check_line(const struct proxy_protocol_header *h)
{
	char line[256], client[ADDR_TEXT_MAX], destination[ADDR_TEXT_MAX];
	struct proxy_protocol_header again;
	int n;

	if (h->client.u.sa.sa_family != h->destination.u.sa.sa_family)
		return;
	n = snprintf(line, sizeof line, "PROXY TCP%d %s %s %u %u\r\n",
	    h->client.u.sa.sa_family == AF_INET ? 4 : 6,
	    addr_host(&h->client, client),
	    addr_host(&h->destination, destination),
	    (unsigned)addr_port(&h->client),
	    (unsigned)addr_port(&h->destination));
	CHECK(n <= PROXY_PROTOCOL_LINE_MAX);
	CHECK(proxy_protocol_parse(line, (size_t)n, &again) ==
	    PROXY_PROTOCOL_CLIENT);
	CHECK(memcmp(&again.client, &h->client, sizeof again.client) == 0);
	CHECK(memcmp(&again.destination, &h->destination,
		  sizeof again.destination) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_protocol_header h, cut;
	const char *header = (const char *)data;
	enum proxy_protocol kind;
	bool more = true;

	kind = proxy_protocol_parse(header, size, &h);
	if (kind == PROXY_PROTOCOL_MORE)
		CHECK(size < HEADER_MAX);
	else if (kind != PROXY_PROTOCOL_BAD)
		CHECK(h.len > 0 && h.len <= size && h.len <= HEADER_MAX);
	for (size_t n = 0; n < size && n <= HEADER_MAX; n++) {
		enum proxy_protocol k = proxy_protocol_parse(header, n, &cut);

		/* Once decided, it stays so. */
		CHECK(more ? k == PROXY_PROTOCOL_MORE || k == kind : k == kind);
		more = k == PROXY_PROTOCOL_MORE;
		CHECK(more || k == PROXY_PROTOCOL_BAD || cut.len == h.len);
	}
	if (kind == PROXY_PROTOCOL_CLIENT) {
		CHECK(is_inet(&h.client) && is_inet(&h.destination));
		check_line(&h);
	}
	return 0;
}
