/*
 * Fuzz target: lines of Skip, and a session for them.  The first octet of a line
 * says what the rest is: S an option, F and T what the server has accepted behind
 * FROM: and TO:, C the client's address, A that it has accepted AUTH.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>

#include "common/strutil.h"
#include "src/scan/exempt.h"
#include "src/smtp/path.h"
#include "tests/fuzz/fuzz.h"

#define LINE_MAX_TRIED 600

struct told {
	struct exempt_rules rules;
	unsigned long senders, recipients; /* with an address */
	bool nameless_sender, nameless_recipient; /* one without */
	struct addr client;
	bool authenticated;
};

static void
add(struct told *t, const char *value)
{
	const size_t before = t->rules.count;
	const struct exempt_rule *rule;

	errno = 0;
	if (exempt_add(&t->rules, value) < 0) {
		CHECK(errno == EINVAL || errno == EDOM);
		CHECK(t->rules.count == before);
		return;
	}
	CHECK(t->rules.count == before + 1);
	rule = &t->rules.list[before];
	CHECK(rule->by > EXEMPT_NOT && rule->by <= EXEMPT_AUTHENTICATED);
	CHECK((rule->pattern != NULL) ==
	    (rule->by == EXEMPT_SENDER || rule->by == EXEMPT_RECIPIENT));
	CHECK(str_begins(value, strlen(value), exempt_word(rule->by)));
}

/* No other address could be read in it. */
static void
check_address(const char *p, size_t len)
{
	bool quoted = false;

	if (len == 2 && memcmp(p, "<>", 2) == 0)
		return;
	CHECK(len > 0 && p[0] != '@' && p[len] == '>');
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '"')
			quoted = !quoted;
		else if (quoted && p[i] == '\\')
			i++;
		else if (!quoted)
			CHECK((unsigned char)p[i] > ' ' &&
			    strchr("<>\\\177", p[i]) == NULL);
	}
	CHECK(!quoted);
}

/* "FROM:" or "TO:" and the rest of the line, as an argument.  Has it an address? */
static bool
read_path(const char *word, const char *rest, char arg[LINE_MAX_TRIED + 8])
{
	const char *address;
	size_t len;

	snprintf(arg, LINE_MAX_TRIED + 8, "%s%s", word, rest);
	if (!path_find(arg, strlen(arg), word, &address, &len))
		return false;
	CHECK(is_within(address, len, arg, strlen(arg)));
	check_address(address, len);
	return true;
}

/* The second time round, when all rules are known. */
static void
see(struct told *t, struct exempt_envelope *e, const char *line)
{
	char arg[LINE_MAX_TRIED + 8];

	if (*line == 'F') {
		if (read_path("FROM:", line + 1, arg))
			t->senders++;
		else
			t->nameless_sender = true;
		exempt_count_sender(&t->rules, e, arg, strlen(arg));
	} else if (*line == 'T') {
		if (read_path("TO:", line + 1, arg))
			t->recipients++;
		else
			t->nameless_recipient = true;
		exempt_count_recipient(&t->rules, e, arg, strlen(arg));
	} else if (*line == 'C')
		(void)addr_parse_number(
		    &t->client, line + 1, strlen(line + 1), 0);
	else if (*line == 'A')
		t->authenticated = true;
}

static void
check_exempt(const struct told *t, const struct exempt_envelope *e)
{
	bool is_ruled = false;
	enum exempt by =
	    exempt_find(&t->rules, e, &t->client, t->authenticated);

	for (size_t i = 0; i < t->rules.count; i++)
		is_ruled = is_ruled || t->rules.list[i].by == by;
	CHECK(by == EXEMPT_NOT || is_ruled);
	CHECK(by != EXEMPT_CLIENT || t->client.len > 0);
	CHECK(by != EXEMPT_AUTHENTICATED || t->authenticated);
	CHECK(by != EXEMPT_SENDER || (t->senders > 0 && !t->nameless_sender));
	CHECK(by != EXEMPT_RECIPIENT ||
	    (t->recipients > 0 && !t->nameless_recipient));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told t = {.senders = 0};
	struct exempt_envelope e = {.senders = {0, 0}};
	char *text, *end;

	if (size > LINE_MAX_TRIED)
		return 0;
	text = strndup((const char *)data, size);
	CHECK(text != NULL);
	end = text + strlen(text);
	for (char *p = text; p < end; p++)
		*p = *p == '\n' ? '\0' : *p;
	for (const char *line = text; line < end; line += strlen(line) + 1)
		if (*line == 'S')
			add(&t, line + 1);
	for (const char *line = text; line < end; line += strlen(line) + 1)
		see(&t, &e, line);
	check_exempt(&t, &e);
	exempt_free(&t.rules);
	free(text);
	return 0;
}
