/*
 * Command lines of SMTP, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/smtp_command.h"

#include <string.h>

#include "common/strutil.h"

struct smtp_command
smtp_command_parse(const char *line, size_t len)
{
	struct smtp_command c = {.line = line, .len = len};
	size_t n = 0;

	str_trim(&line, &len);
	while (n < len && !str_is_space(line[n]))
		n++;
	c.verb = line;
	c.verb_len = n;
	c.arg = line + n;
	c.arg_len = len - n;
	str_trim(&c.arg, &c.arg_len);
	return c;
}

bool
smtp_command_has_stray(const char *line, size_t len)
{
	return memchr(line, '\0', len) != NULL ||
	    memchr(line, '\r', len) != NULL;
}

int
smtp_command_bdat_size(
    const char *arg, size_t arg_len, unsigned long long *octets)
{
	unsigned long long n = 0;
	size_t i;

	for (i = 0; i < arg_len && arg[i] >= '0' && arg[i] <= '9'; i++) {
		if (i >= 18)
			return -1;
		n = n * 10 + (unsigned)(arg[i] - '0');
	}
	if (i == 0 || (i < arg_len && !str_is_space(arg[i])))
		return -1;
	*octets = n;
	return 0;
}
