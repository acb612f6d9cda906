/*
 * What clamd's answer means, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/verdict.h"

#include <string.h>

#include "common/strutil.h"

static bool
is_line_end(char c)
{
	return c == '\n' || c == '\0';
}

static bool
ends_with(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && memcmp(s + len - n, end, n) == 0;
}

/* Length of the line at s; *complete tells whether its end is there. */
static size_t
line_length(const char *s, size_t len, bool *complete)
{
	size_t n = 0;

	while (n < len && !is_line_end(s[n]))
		n++;
	*complete = n < len;
	return n;
}

/* "subject: NAME FOUND" */
static void
find_name(struct verdict *v, const char *subject)
{
	size_t n = strlen(subject);
	const char *name;
	size_t len;

	if (v->line_len < n + 1 || memcmp(v->line, subject, n) != 0 ||
	    v->line[n] != ':')
		return;
	name = v->line + n + 1;
	len = v->line_len - n - 1 - strlen("FOUND");
	str_trim(&name, &len);
	v->named = true;
	v->name = name;
	v->name_len = len;
}

static bool
says_clean(const char *line, size_t len, const char *subject)
{
	size_t n = strlen(subject);

	return len == n + strlen(": OK") && memcmp(line, subject, n) == 0 &&
	    memcmp(line + n, ": OK", strlen(": OK")) == 0;
}

struct verdict
verdict_parse(const char *answer, size_t len, const char *subject)
{
	struct verdict v = {.verdict = SCAN_FAILED, .line = answer};
	bool complete, clean = false;
	unsigned lines = 0;

	while (len > 0) {
		size_t used = line_length(answer, len, &complete);
		const char *line = answer;
		size_t line_len = used;

		str_trim(&line, &line_len);
		if (lines++ == 0) {
			v.line = line;
			v.line_len = line_len;
			/* A CR or blank before the end is not clamd's way. */
			clean = complete && says_clean(answer, used, subject);
		}
		if (complete && ends_with(line, line_len, " FOUND")) {
			v.verdict = SCAN_INFECTED;
			v.line = line;
			v.line_len = line_len;
			find_name(&v, subject);
			return v;
		}
		answer += used + complete;
		len -= used + complete;
	}
	if (clean && lines == 1)
		v.verdict = SCAN_CLEAN;
	return v;
}

bool
verdict_is_complete(const char *answer, size_t len)
{
	bool complete;

	(void)line_length(answer, len, &complete);
	return complete;
}
