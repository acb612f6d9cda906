/*
 * What clamd's answer means, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/verdict.h"

#include <string.h>

#include "common/strutil.h"

#define LIMIT_FOUND "Heuristics.Limits.Exceeded" /* and which one */
#define SIZE_REFUSED "INSTREAM size limit exceeded. ERROR"
#define STREAM_LIMIT "StreamMaxLength"

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

static bool
begins_with(const char *s, size_t len, const char *start)
{
	size_t n = strlen(start);

	return len >= n && memcmp(s, start, n) == 0;
}

/* The octets of "fd[11]" that line begins with; 0: it does not. */
static size_t
descriptor_length(const char *line, size_t len)
{
	const size_t start = strlen("fd[");
	size_t n = start;

	if (!begins_with(line, len, "fd["))
		return 0;
	while (n < len && line[n] >= '0' && line[n] <= '9')
		n++;
	return n > start && n < len && line[n] == ']' ? n + 1 : 0;
}

/* The octets of "subject:" that line begins with; 0: it does not. */
static size_t
subject_length(const char *line, size_t len, const char *subject)
{
	size_t n = 0;

	if (strcmp(subject, VERDICT_DESCRIPTOR) == 0)
		n = descriptor_length(line, len);
	else if (begins_with(line, len, subject))
		n = strlen(subject);
	return n > 0 && n < len && line[n] == ':' ? n + 1 : 0;
}

/* "subject: NAME FOUND" */
static void
find_name(struct verdict *v, const char *subject)
{
	size_t n = subject_length(v->line, v->line_len, subject);

	if (n == 0)
		return;
	v->named = true;
	v->name = v->line + n;
	v->name_len = v->line_len - n - strlen("FOUND");
	str_trim(&v->name, &v->name_len);
}

/*
 * With AlertExceedsMax clamd "finds" what it did not look at.  The subject does
 * not matter: no name of a virus has a colon in it.
 */
static bool
finds_limit(struct verdict *v)
{
	size_t n = strlen(LIMIT_FOUND);
	const char *name = v->line + v->line_len;
	size_t len;

	while (name > v->line && name[-1] != ':')
		name--;
	len = (size_t)(v->line + v->line_len - name) - strlen("FOUND");
	str_trim(&name, &len);
	if (len < n || memcmp(name, LIMIT_FOUND, n) != 0)
		return false;
	v->name = name;
	v->name_len = len;
	if (len > n && name[n] == '.')
		n++;
	v->limit = len > n ? name + n : name;
	v->limit_len = len > n ? len - n : len;
	return true;
}

static bool
says_clean(const char *line, size_t len, const char *subject)
{
	size_t n = subject_length(line, len, subject);

	return n > 0 && len == n + strlen(" OK") &&
	    memcmp(line + n, " OK", strlen(" OK")) == 0;
}

/* What the line v->line, which is complete, would mean if it stood alone. */
static enum scan_verdict
judge_line(struct verdict *v, const char *subject)
{
	if (says_clean(v->line, v->line_len, subject))
		return SCAN_CLEAN;
	str_trim(&v->line, &v->line_len);
	if (v->line_len == strlen(SIZE_REFUSED) &&
	    memcmp(v->line, SIZE_REFUSED, v->line_len) == 0) {
		v->name = v->limit = STREAM_LIMIT;
		v->name_len = v->limit_len = strlen(STREAM_LIMIT);
		return SCAN_OVERSIZE;
	}
	if (!ends_with(v->line, v->line_len, " FOUND"))
		return SCAN_FAILED;
	if (finds_limit(v))
		return SCAN_OVERSIZE;
	find_name(v, subject);
	return SCAN_INFECTED;
}

struct verdict
verdict_parse(const char *answer, size_t len, const char *subject)
{
	struct verdict first = {.verdict = SCAN_FAILED, .line = answer};
	unsigned lines = 0;
	bool complete;

	while (len > 0) {
		size_t used = line_length(answer, len, &complete);
		struct verdict v = {.line = answer, .line_len = used};

		if (complete)
			v.verdict = judge_line(&v, subject);
		else {
			v.verdict = SCAN_FAILED;
			str_trim(&v.line, &v.line_len);
		}
		/* An infection counts wherever it stands. */
		if (v.verdict == SCAN_INFECTED)
			return v;
		if (lines++ == 0)
			first = v;
		else
			first.verdict = SCAN_FAILED;
		answer += used + complete;
		len -= used + complete;
	}
	return first;
}

bool
verdict_is_without_file(const struct verdict *v)
{
	return begins_with(
		   v->line, v->line_len, "No file descriptor received") ||
	    begins_with(v->line, v->line_len, "UNKNOWN COMMAND");
}

bool
verdict_is_complete(const char *answer, size_t len)
{
	bool complete;

	(void)line_length(answer, len, &complete);
	return complete;
}
