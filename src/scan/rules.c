/*
 * What becomes of viruses by their names.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/strutil.h"

#define LIMITS "Heuristics.Limits."

static const struct {
	const char *word;
	enum when_infected action;
} actions[] = {
    {"drop", WHEN_INFECTED_DROP},
    {"bounce", WHEN_INFECTED_BOUNCE},
    {"pass", WHEN_INFECTED_PASS},
    {"tempfail", WHEN_INFECTED_TEMPFAIL},
};

static bool
find_action(const char *word, size_t len, enum when_infected *action)
{
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (str_equals(word, len, actions[i].word)) {
			*action = actions[i].action;
			return true;
		}
	return false;
}

/* Room for one more at the end, or NULL with ENOMEM. */
static struct rule *
grow(struct rules *r)
{
	struct rule *list = realloc(r->list, (r->count + 1) * sizeof *list);

	if (list == NULL)
		return NULL;
	r->list = list;
	return &list[r->count];
}

/* As rules_add. */
static int
add(struct rules *r, const char *pattern, size_t len, enum when_infected action)
{
	struct rule *rule = grow(r);

	if (rule == NULL)
		return -1;
	*rule = (struct rule){strndup(pattern, len), action};
	if (rule->pattern == NULL)
		return -1;
	r->count++;
	return 0;
}

int
rules_add(struct rules *r, const char *value)
{
	const char *pattern = value, *word;
	enum when_infected action;
	size_t end = strlen(value), len, word_len;

	str_trim(&pattern, &end);
	for (len = end; len > 0 && !str_is_space(pattern[len - 1]);)
		len--;
	word = pattern + len;
	word_len = end - len;
	str_trim(&pattern, &len);
	if (len == 0 || !find_action(word, word_len, &action)) {
		errno = EINVAL;
		return -1;
	}
	return add(r, pattern, len, action);
}

static bool
is_of_limits(const struct rule *rule)
{
	return str_begins(rule->pattern, strlen(rule->pattern), LIMITS);
}

static bool
find(const struct rules *r, const char *name, bool is_limit,
    enum when_infected *action)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct rule *rule = &r->list[i];

		if ((is_limit && !is_of_limits(rule)) ||
		    fnmatch(rule->pattern, name, FNM_CASEFOLD) != 0)
			continue;
		*action = rule->action;
		return true;
	}
	return false;
}

bool
rules_find(const struct rules *r, const char *name, enum when_infected *action)
{
	return find(r, name, false, action);
}

bool
rules_find_for_limit(
    const struct rules *r, const char *name, enum when_infected *action)
{
	return find(r, name, true, action);
}

void
rules_free(struct rules *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->list[i].pattern);
	free(r->list);
	*r = (struct rules){0};
}
