/*
 * Whose mail is not scanned.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/exempt.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "common/strutil.h"
#include "src/smtp/path.h"

static const char *const words[] = {
    [EXEMPT_NOT] = "",
    [EXEMPT_CLIENT] = "client",
    [EXEMPT_SENDER] = "sender",
    [EXEMPT_RECIPIENT] = "recipient",
    [EXEMPT_AUTHENTICATED] = "authenticated",
};

/* EXEMPT_NOT: it is no word of ours. */
static enum exempt
find_word(const char *word, size_t len)
{
	enum exempt by = EXEMPT_AUTHENTICATED;

	while (by > EXEMPT_NOT && !str_equals(word, len, words[by]))
		by--;
	return by;
}

/* Is it an address in brackets?  No address that we see has any, but "<>". */
static bool
has_brackets(const char *pattern)
{
	return *pattern == '<' && strchr(pattern, '@') != NULL;
}

/* Fill the rule by what stands behind its word.  As exempt_add. */
static int
parse(struct exempt_rule *rule, const char *about)
{
	if ((*about == '\0') != (rule->by == EXEMPT_AUTHENTICATED)) {
		errno = EINVAL;
		return -1;
	}
	switch (rule->by) {
	case EXEMPT_CLIENT:
		return net_parse(&rule->net, about);
	case EXEMPT_SENDER:
	case EXEMPT_RECIPIENT:
		if (has_brackets(about))
			break;
		rule->pattern = strdup(about);
		return rule->pattern == NULL ? -1 : 0;
	case EXEMPT_AUTHENTICATED:
		return 0;
	case EXEMPT_NOT:
		break;
	}
	errno = EINVAL;
	return -1;
}

int
exempt_add(struct exempt_rules *r, const char *value)
{
	const size_t len = strcspn(value, " \t");
	struct exempt_rule rule = {.by = find_word(value, len)};
	struct exempt_rule *list =
	    realloc(r->list, (r->count + 1) * sizeof *list);

	if (list == NULL)
		return -1;
	r->list = list;
	if (parse(&rule, value + len + strspn(value + len, " \t")) < 0)
		return -1;
	list[r->count++] = rule;
	return 0;
}

static bool
fits(const struct exempt_rules *r, enum exempt by, const char *address)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].by == by &&
		    fnmatch(r->list[i].pattern, address, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

/* Does the address in arg fit?  When memory has run out it does not. */
static bool
has_fitting(const struct exempt_rules *r, enum exempt by, const char *word,
    const char *arg, size_t len)
{
	struct strbuf text = {0};
	const char *address;
	bool found;

	if (r->count == 0 || !path_find(arg, len, word, &address, &len))
		return false;
	strbuf_add(&text, address, len);
	found = !text.failed && fits(r, by, strbuf_str(&text));
	strbuf_free(&text);
	return found;
}

static void
count(struct exempt_count *c, bool fitting)
{
	if (fitting)
		c->fit++;
	else
		c->others++;
}

void
exempt_count_sender(const struct exempt_rules *r, struct exempt_envelope *e,
    const char *arg, size_t len)
{
	count(&e->senders, has_fitting(r, EXEMPT_SENDER, "FROM:", arg, len));
}

void
exempt_count_recipient(const struct exempt_rules *r, struct exempt_envelope *e,
    const char *arg, size_t len)
{
	count(
	    &e->recipients, has_fitting(r, EXEMPT_RECIPIENT, "TO:", arg, len));
}

static bool
all_fit(const struct exempt_count *c)
{
	return c->fit > 0 && c->others == 0;
}

static bool
rule_fits(const struct exempt_rule *rule, const struct exempt_envelope *e,
    const struct addr *client, bool authenticated)
{
	switch (rule->by) {
	case EXEMPT_CLIENT:
		return net_contains(&rule->net, client);
	case EXEMPT_SENDER:
		return all_fit(&e->senders);
	case EXEMPT_RECIPIENT:
		return all_fit(&e->recipients);
	case EXEMPT_AUTHENTICATED:
		return authenticated;
	case EXEMPT_NOT:
		break;
	}
	return false;
}

enum exempt
exempt_find(const struct exempt_rules *r, const struct exempt_envelope *e,
    const struct addr *client, bool authenticated)
{
	for (size_t i = 0; i < r->count; i++)
		if (rule_fits(&r->list[i], e, client, authenticated))
			return r->list[i].by;
	return EXEMPT_NOT;
}

const char *
exempt_word(enum exempt by)
{
	return words[by];
}

void
exempt_free(struct exempt_rules *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->list[i].pattern);
	free(r->list);
	*r = (struct exempt_rules){0};
}
