/*
 * The client of the fuzz target session: is it told of its messages what the
 * server has said of them?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tests/fuzz/session/play.h"

#define GO "354 Start mail input; end with <CRLF>.<CRLF>"
#define DISCARDED "Virus Detected; Discarded Email"

static bool
is(const char *line, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(line, text, len) == 0;
}

/* The first reply after its content; LMTP has more. */
static void
check_final(const char *line, size_t len)
{
	bool discarded = is(line, len, "250 " DISCARDED) ||
	    is(line, len, "250 2.0.0 " DISCARDED);

	if (play.accepted || line[0] != '2') {
		CHECK(!play.accepted || line[0] == '2');
		return;
	}
	CHECK(discarded && (clamd_judge() & TOLD_FOUND) != 0);
	CHECK(play.settings.policy.action == WHEN_INFECTED_DROP ||
	    (play.has_rules &&
		(clamd_has_named("drop") || clamd_has_named(".maxr"))));
}

static void
hear_line(const char *line, size_t len)
{
	bool go = is(line, len, GO);

	CHECK(memchr(line, '\r', len) == NULL);
	CHECK(memchr(line, '\0', len) == NULL);
	/* It is ours to say. */
	CHECK(go || len < 4 || memcmp(line, "354 ", 4) != 0);
	if (!play.in_data) {
		play.in_data = go;
		play.accepted = false;
		return;
	}
	check_final(line, len);
	if (len < 4 || line[3] != '-')
		play.in_data = false;
}

void
client_hear(void)
{
	struct strbuf *h = &play.client.heard;
	const char *lf;

	while (h->len > 0 && (lf = memchr(h->data, '\n', h->len)) != NULL) {
		size_t n = (size_t)(lf - h->data) + 1;

		CHECK(n >= 2 && h->data[n - 2] == '\r');
		hear_line(h->data, n - 2);
		party_forget(h, n);
	}
}
