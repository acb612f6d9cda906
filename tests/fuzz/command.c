/*
 * Fuzz target: one command line.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <strings.h>

#include "src/session/verbs.h"
#include "tests/fuzz/fuzz.h"

/* Is the line this verb, by the simplest reading? */
static bool
is_verb(const char *line, size_t len, const char *verb)
{
	static const char space[] = " \t\n\v\f\r";
	size_t n = strlen(verb);

	while (len > 0 && memchr(space, line[0], sizeof space - 1) != NULL) {
		line++;
		len--;
	}
	return len >= n && strncasecmp(line, verb, n) == 0 &&
	    (len == n || memchr(space, line[n], sizeof space - 1) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kept[] = {
	    "DATA", "BDAT", "XCLIENT", "STARTTLS", "XEXCH50", "BURL"};
	const char *line = (const char *)data;
	struct smtp_command c = smtp_command_parse(line, size);
	const struct verb *v = verbs_find(c.verb, c.verb_len);
	unsigned long long octets = 0;

	CHECK(is_within(c.arg, c.arg_len, line, size));
	CHECK(is_within(c.verb, c.verb_len, line, size));
	/* Whatever the server could take for one of these is not its to see. */
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		CHECK(!is_verb(line, size, kept[i]) ||
		    strcmp(v->name, kept[i]) == 0);
	if (smtp_command_bdat_size(c.arg, c.arg_len, &octets) == 0)
		CHECK(c.arg_len > 0 && c.arg[0] >= '0' && c.arg[0] <= '9');
	CHECK(smtp_command_has_stray(line, size) ==
	    (memchr(line, '\r', size) != NULL ||
		memchr(line, '\0', size) != NULL));
	return 0;
}
