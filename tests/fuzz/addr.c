/*
 * Fuzz target: addresses; no names are looked up.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <arpa/inet.h>

#include "common/addr_spec.h"
#include "tests/fuzz/fuzz.h"

#define DEFAULT_PORT 10025

static void
check_address(const char *text)
{
	struct addr_spec spec;
	struct addr addr, again;
	char host[ADDR_TEXT_MAX], name[ADDR_NAME_MAX + 1];

	if (addr_spec_parse(&spec, text, DEFAULT_PORT) < 0)
		return;
	CHECK(spec.text == text && spec.port != 0);
	CHECK(spec.kind != ADDR_NONE);
	CHECK((spec.kind == ADDR_HOST) ==
	    (strlen(addr_spec_name(&spec, name)) > 0));
	if (spec.kind == ADDR_HOST)
		return;
	CHECK(addr_spec_fixed(&spec, NULL, &addr) == 0);
	(void)addr_host(&addr, host);
	CHECK(strlen(host) < sizeof host);
	if (strchr(text, '/') != NULL) {
		CHECK(addr.u.sa.sa_family == AF_UNIX);
		CHECK(strcmp(host, text) == 0);
		return;
	}
	CHECK(addr_is_inet(&addr) && addr_port(&addr) == spec.port);
	CHECK(spec.kind == ADDR_PORT || text[0] == '[' ||
	    strncmp(host, text, strlen(host)) == 0);
	/* What it prints is what it is. */
	CHECK(addr_parse_number(&again, host, strlen(host), spec.port) == 0);
	CHECK(addr_same(&addr, &again));
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
