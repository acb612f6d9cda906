/*
 * Fuzz target: addresses; no names are looked up.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <arpa/inet.h>

#include "common/addr.h"
#include "tests/fuzz/fuzz.h"

#define DEFAULT_PORT 10025

static void
check_address(const char *text)
{
	struct addr_spec spec;
	struct addr addr;
	char host[ADDR_TEXT_MAX];

	if (addr_parse(&spec, text, DEFAULT_PORT) < 0)
		return;
	CHECK(spec.text == text && spec.port != 0);
	CHECK(spec.kind != ADDR_NONE);
	if (spec.kind == ADDR_HOST)
		return;
	CHECK(addr_resolve(&spec, NULL, &addr) == 0);
	(void)addr_host(&addr, host);
	CHECK(strlen(host) < sizeof host);
	if (strchr(text, '/') != NULL) {
		CHECK(addr.u.sa.sa_family == AF_UNIX);
		CHECK(strcmp(host, text) == 0);
	} else {
		CHECK(addr.u.sa.sa_family == AF_INET);
		CHECK(ntohs(addr.u.in.sin_port) == spec.port);
		CHECK(spec.kind == ADDR_PORT ||
		    strncmp(host, text, strlen(host)) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	check_address(text);
	free(text);
	return 0;
}
