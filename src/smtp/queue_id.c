/*
 * The name that a mail server has given a message, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/queue_id.h"

#include <string.h>

#include "common/strutil.h"

#define ID_MAX 64 /* octets; more is no name */

/* What stands before the id, or behind it. */
static const char *const before[] = {"queued as ", "OK id="};
static const char behind[] = " Message accepted for delivery";

static bool
is_id_octet(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
}

/* Is what stands from start to end an id, and no other word? */
static bool
set(const char *start, const char *end, const char **id, size_t *id_len)
{
	while (end > start && end[-1] == '.') /* that of the sentence */
		end--;
	if (end == start || end - start > ID_MAX)
		return false;
	*id = start;
	*id_len = (size_t)(end - start);
	return true;
}

static bool
find_behind(const char *word, const char *reply, const char *end,
    const char **id, size_t *id_len)
{
	const char *stop;

	for (const char *p = reply; p < end; p++) {
		if (!str_begins(p, (size_t)(end - p), word))
			continue;
		p += strlen(word);
		for (stop = p; stop < end && is_id_octet(*stop);)
			stop++;
		return set(p, stop, id, id_len);
	}
	return false;
}

static bool
find_before(const char *word, const char *reply, const char *end,
    const char **id, size_t *id_len)
{
	const char *start;

	for (const char *p = reply; p < end; p++) {
		if (!str_begins(p, (size_t)(end - p), word))
			continue;
		for (start = p; start > reply && is_id_octet(start[-1]);)
			start--;
		/* Behind the code; it may be that of a status alone. */
		return start - reply >= 4 && start[-1] == ' ' &&
		    memchr(start, '.', (size_t)(p - start)) == NULL &&
		    set(start, p, id, id_len);
	}
	return false;
}

bool
queue_id_find(const char *reply, size_t len, const char **id, size_t *id_len)
{
	const char *end = reply + len;

	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
		if (find_behind(before[i], reply, end, id, id_len))
			return true;
	return find_before(behind, reply, end, id, id_len);
}
