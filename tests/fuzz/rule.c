/*
 * Fuzz target: lines of VirusRule, and a name for them: the last line.
 *
 * A matcher of our own, by the simplest way, says which rule is the first that
 * fits; what fnmatch(3) does with brackets and backslashes it does not know.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>

#include "common/strutil.h"
#include "src/mail/header_line.h"
#include "src/mail/stamp.h"
#include "src/scan/rules.h"
#include "tests/fuzz/fuzz.h"

#define LIMITS "heuristics.limits."
#define SIZE_MAX_TRIED 600 /* octets: the simplest way takes its time */

static bool
same_letter(char a, char b)
{
	return str_equals(&a, 1, (char[]){b, '\0'});
}

/* Does the pattern, of letters, '?' and '*', fit the name? */
static bool
glob(const char *p, const char *name)
{
	const char *star = NULL, *tried = NULL;

	while (*name != '\0') {
		if (*p == '*') {
			star = ++p;
			tried = name;
		} else if (*p != '\0' &&
		    (*p == '?' || same_letter(*p, *name))) {
			p++;
			name++;
		} else if (star != NULL) {
			p = star;
			name = ++tried;
		} else
			return false;
	}
	return p[strspn(p, "*")] == '\0';
}

static void
add(struct rules *r, const char *value)
{
	const size_t before = r->count;
	const char *pattern;

	errno = 0;
	if (rules_add(r, value) < 0) {
		CHECK(errno == EINVAL && r->count == before);
		return;
	}
	CHECK(r->count == before + 1);
	pattern = r->list[before].pattern;
	CHECK(*pattern != '\0' && strstr(value, pattern) != NULL);
	CHECK(!str_is_space(pattern[0]));
	CHECK(!str_is_space(pattern[strlen(pattern) - 1]));
}

/* What the rules say by the simplest way; count: none. */
static size_t
find(const struct rules *r, const char *name, bool is_limit, bool *sure)
{
	for (size_t i = 0; i < r->count; i++) {
		const char *pattern = r->list[i].pattern;

		if (is_limit && !str_begins(pattern, strlen(pattern), LIMITS))
			continue;
		if (strpbrk(pattern, "[\\") != NULL)
			*sure = false;
		else if (glob(pattern, name))
			return i;
	}
	return r->count;
}

static void
check_found(const struct rules *r, const char *name, bool is_limit)
{
	enum when_infected action = WHEN_INFECTED_DROP;
	bool sure = true;
	size_t i = find(r, name, is_limit, &sure);
	bool found = is_limit ? rules_find_for_limit(r, name, &action)
			      : rules_find(r, name, &action);

	if (i < r->count)
		CHECK(found && (!sure || action == r->list[i].action));
	else if (sure)
		CHECK(!found);
	CHECK(action <= WHEN_INFECTED_TEMPFAIL);
}

/* Its mark is a legal header, whatever the name. */
static void
check_mark(const char *name)
{
	const struct header_scan places = {.bottom = 7};
	const struct stamp_source source = {"", "", ""};
	const struct stamp_mark mark = {STAMP_INFECTED, name};
	struct stamp stamp;
	const char *text;

	stamp_make(&stamp, &mark, &places, &source);
	text = strbuf_str(&stamp.text);
	CHECK(header_line_is_valid(text, stamp.text.len));
	for (size_t n; *text != '\0'; text += n + 2) {
		n = strcspn(text, "\r");
		CHECK(n <= STAMP_LINE_MAX && text[n] == '\r');
	}
	strbuf_free(&stamp.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules r = {0};
	char *text, *line;

	if (size > SIZE_MAX_TRIED)
		return 0;
	text = strndup((const char *)data, size);
	CHECK(text != NULL);
	line = text;
	for (char *lf; (lf = strchr(line, '\n')) != NULL; line = lf + 1) {
		*lf = '\0';
		add(&r, line);
	}
	check_found(&r, line, false);
	check_found(&r, line, true);
	check_mark(line);
	rules_free(&r);
	free(text);
	return 0;
}
