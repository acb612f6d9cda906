/*
 * The server of the fuzz target session: are its commands those of a session that
 * keeps some to itself, and is its content what clamd has passed?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <strings.h>

#include "tests/fuzz/session/play.h"

#define INFECTED "X-Virus-Infected: Virus Detected!\r\nX-Virus-Status: infected"
#define UNSCANNED "X-Virus-Status: unscanned ("

/* To a server that asks for a password the client may say anything. */
static void
excuse(void)
{
	CHECK(play.replies.excuses > 0);
	play.replies.excuses--;
}

/* Is it what we tell of the client, and not what it tells of itself? */
static bool
is_own_xclient(const char *line, size_t len)
{
	static const char *const told[] = {"NAME=[UNAVAILABLE]",
	    "ADDR=", "PORT=", "DESTADDR=", "DESTPORT=", "PROTO=ESMTP",
	    "PROTO=SMTP", "HELO="};
	const char *p = line + strlen("XCLIENT");
	bool known = true;

	if (!play.settings.xclient || len > 512 ||
	    memcmp(line, "XCLIENT ", strlen("XCLIENT ")) != 0)
		return false;
	while (known && *p == ' ') {
		known = false;
		p++;
		for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
			known =
			    known || strncmp(p, told[i], strlen(told[i])) == 0;
		p += strcspn(p, " \r");
	}
	return known && p == line + len - 2;
}

static void
check_command(const char *line, size_t len)
{
	static const char *const kept[] = {
	    "BDAT", "BURL", "STARTTLS", "XCLIENT", "XEXCH50", "TURN", "ATRN"};

	CHECK(len >= 2 && memcmp(line + len - 2, "\r\n", 2) == 0);
	CHECK(memchr(line, '\0', len) == NULL);
	CHECK(memchr(line, '\r', len) == line + len - 2);
	if (is_own_xclient(line, len))
		return;
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (strncasecmp(line, kept[i], strlen(kept[i])) == 0 &&
		    strchr(" \t\r", line[strlen(kept[i])]) != NULL)
			excuse();
}

/* Does a header line at some place make the one content of the other? */
static bool
is_with_header(const struct strbuf *sent, const char *header)
{
	const char *a = strbuf_str(sent), *b = strbuf_str(&play.shown);
	size_t len = play.shown.len, n = strlen(header);

	if (sent->len != len + n)
		return false;
	for (size_t i = 0; i <= len; i++)
		if (memcmp(a + i, header, n) == 0 && memcmp(a, b, i) == 0 &&
		    memcmp(a + i + n, b + i, len - i) == 0)
			return true;
	return false;
}

/* The octets of a mark of so many lines at p, and of the empty line behind it. */
static size_t
mark_length(const char *p, size_t len, size_t lines, bool and_empty)
{
	size_t n = 0;

	while (n < len && lines > 0)
		lines -= p[n++] == '\n';
	if (!and_empty)
		return lines == 0 ? n : 0;
	return lines == 0 && len - n >= 2 && memcmp(p + n, "\r\n", 2) == 0
	    ? n + 2
	    : 0;
}

/* Is it what clamd was shown, or what it was not and the client has said? */
static bool
is_whole(const struct strbuf *content)
{
	return (content->len == play.shown.len &&
		   memcmp(strbuf_str(content), strbuf_str(&play.shown),
		       content->len) == 0) ||
	    clamd_was_said(content);
}

/* Does a mark at some place make the one content of the other? */
static bool
is_marked(const struct strbuf *sent, const char *mark, size_t lines)
{
	const size_t n = strlen(mark);
	struct strbuf rest = {0};
	bool found = false;

	for (size_t i = 0; i + n <= sent->len && !found; i++) {
		const char *p = sent->data + i;

		if (memcmp(p, mark, n) != 0)
			continue;
		for (int e = 0; e < 2 && !found; e++) {
			size_t len =
			    mark_length(p, sent->len - i, lines, e == 1);

			if (len == 0)
				continue;
			strbuf_clear(&rest);
			strbuf_add(&rest, sent->data, i);
			strbuf_add(&rest, p + len, sent->len - i - len);
			found = is_whole(&rest);
		}
	}
	strbuf_free(&rest);
	return found;
}

static bool
has_said(const char *text)
{
	const struct strbuf *said = &play.said;
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= said->len; i++)
		if (strncasecmp(said->data + i, text, n) == 0)
			return true;
	return false;
}

/* Can an option Skip be meant for anybody here? */
static bool
may_skip(void)
{
	const struct exempt_rules *skip = &play.settings.skip;
	bool may = false;

	for (size_t i = 0; i < skip->count && !may; i++)
		may = skip->list[i].by == EXEMPT_CLIENT ||
		    (skip->list[i].by == EXEMPT_AUTHENTICATED
			    ? has_said("AUTH")
			    : has_said("@skip.example"));
	return may;
}

static bool
may_pass_virus(unsigned told)
{
	return (told & TOLD_FOUND) != 0 &&
	    (play.settings.policy.action == WHEN_INFECTED_PASS ||
		/* In small letters the name of a limit is a virus's. */
		(play.has_rules &&
		    (clamd_has_named("pass") ||
			clamd_has_named("heuristics.limits.exceeded.maxf"))));
}

static bool
may_pass_unscanned(unsigned told)
{
	const struct policy_config *policy = &play.settings.policy;

	if ((told & TOLD_LIMIT) != 0 &&
	    (policy->oversize == WHEN_UNSCANNED_PASS ||
		(play.has_rules && clamd_has_named(".maxf"))))
		return true;
	return (told & TOLD_CLEAN) == 0 &&
	    policy->scan_fail == WHEN_UNSCANNED_PASS;
}

/* The server is asked once to take what was scanned and may be sent. */
static void
check_data(void)
{
	unsigned told = clamd_judge();
	bool may_be = (told & TOLD_CLEAN) != 0 || may_pass_virus(told) ||
	    may_pass_unscanned(told);

	/* Each content that was shown is one; of others nobody can tell. */
	if (may_skip() || play.settings.policy.scan_fail == WHEN_UNSCANNED_PASS)
		play.asked = false;
	if (!play.asked && (may_be || may_skip()))
		play.asked = true;
	else
		excuse();
}

static bool
is_clean(const struct strbuf *sent)
{
	struct strbuf header = {0};
	bool is;

	strbuf_puts(&header, play.settings.header);
	strbuf_puts(&header, header.len > 0 ? "\r\n" : "");
	is = is_with_header(sent, strbuf_str(&header)) ||
	    (sent->len == play.shown.len &&
		memcmp(strbuf_str(sent), strbuf_str(&play.shown), sent->len) ==
		    0);
	strbuf_free(&header);
	return is;
}

/* What is sent is what was scanned, but for one header line. */
static void
check_content(const struct strbuf *sent)
{
	unsigned told = clamd_judge();

	CHECK(play.asked);
	CHECK(((told & TOLD_CLEAN) != 0 && is_clean(sent)) ||
	    (may_pass_virus(told) && is_marked(sent, INFECTED, 2)) ||
	    (may_pass_unscanned(told) && is_marked(sent, UNSCANNED, 1)) ||
	    (may_skip() && is_whole(sent)));
}

/*
 * Mail data: no line end but CRLF, and no line of a single dot but the last.
 * Returns its length when its end is there, or 0.
 */
static size_t
take_content(const struct strbuf *h, struct strbuf *content)
{
	size_t start = 0;

	for (size_t i = 0; i < h->len; i++) {
		if (h->data[i] == '\r')
			CHECK(i + 1 == h->len || h->data[i + 1] == '\n');
		if (h->data[i] != '\n')
			continue;
		CHECK(i > 0 && h->data[i - 1] == '\r');
		if (i == start + 2 && h->data[start] == '.')
			return i + 1;
		if (h->data[start] == '.')
			start++;
		strbuf_add(content, h->data + start, i + 1 - start);
		start = i + 1;
	}
	return 0;
}

static void
hear_content(void)
{
	struct strbuf content = {0};
	size_t n = take_content(&play.server.heard, &content);

	if (n > 0) {
		check_content(&content);
		party_forget(&play.server.heard, n);
		/* Nothing more before the reply. */
		CHECK(play.server.heard.len == 0);
		play.state = SERVER_DELIVERED;
		play.replies.first = 0;
	}
	strbuf_free(&content);
}

static void
hear_commands(void)
{
	struct strbuf *h = &play.server.heard;
	const char *lf;

	while (play.state == SERVER_COMMANDS && h->len > 0 &&
	    (lf = memchr(h->data, '\n', h->len)) != NULL) {
		size_t n = (size_t)(lf - h->data) + 1;

		check_command(h->data, n);
		if (n == 6 && memcmp(h->data, "DATA\r\n", 6) == 0) {
			check_data();
			play.state = SERVER_ASKED;
			play.replies.first = 0;
		}
		party_forget(h, n);
	}
}

void
server_hear(void)
{
	hear_commands();
	if (play.state == SERVER_CONTENT)
		hear_content();
	else if (play.state != SERVER_COMMANDS)
		CHECK(play.server.heard.len == 0);
}

/* A reply of the server's has been given to the session. */
static void
note_reply(int code)
{
	if (play.state == SERVER_ASKED)
		play.state = code == 354 ? SERVER_CONTENT : SERVER_COMMANDS;
	else if (play.state == SERVER_DELIVERED) {
		play.accepted = code >= 200 && code <= 299;
		play.state = SERVER_COMMANDS;
	}
}

void
server_note_replies(const char *p, size_t len)
{
	struct reply_reader *r = &play.replies;
	int code;

	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\n') {
			if (r->len < sizeof r->line)
				r->line[r->len] = p[i];
			r->len++;
			continue;
		}
		if (r->len < 3 || r->line[0] < '1' || r->line[0] > '9' ||
		    r->line[1] < '0' || r->line[1] > '9' || r->line[2] < '0' ||
		    r->line[2] > '9' ||
		    (r->len > 3 &&
			memchr("- \t\r\v\f", r->line[3], 6) == NULL)) {
			note_reply(0);
			r->first = 0;
			r->len = 0;
			continue;
		}
		r->agree =
		    r->first == 0 || (r->agree && r->line[0] == r->first);
		r->first = r->line[0];
		if (r->len == 3 || r->line[3] != '-') {
			code = (r->line[0] - '0') * 100 +
			    (r->line[1] - '0') * 10 + r->line[2] - '0';
			r->excuses += code == 334;
			/* Lines that disagree are nobody's word. */
			note_reply(r->agree ? code : 0);
			r->first = 0;
		}
		r->len = 0;
	}
}
