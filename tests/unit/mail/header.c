/*
 * Where header lines go, at every cut, and that no reader of mail takes the
 * content for another one because of them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/header.h"

#include "common/strbuf.h"
#include "tests/unit/unit.h"

struct scan_case {
	struct text content;
	long top;
	long bottom;
};

static const struct scan_case scan_cases[] = {
    /* The normal place is before the empty line. */
    {T("A: b\r\n\r\nbody\r\n"), 0, 6},
    {T("A: b\r\nC: d\r\n\r\nbody\r\n"), 0, 12},
    {T("A: b\r\n c\r\n\r\nbody\r\n"), 0, 10},
    {T("A: b\r\n\tc\r\n d\r\n\r\n"), 0, 14},
    {T("A:\r\n\r\n"), 0, 4},
    {T("A:b:c\r\n\r\n"), 0, 7},
    {T("A: b\r\n\r\nC: d\r\n\r\n"), 0, 6},
    /* RFC 5322 4.5: old mail may have blanks before the colon. */
    {T("A : b\r\n\r\n"), 0, 7},
    {T("A \t: b\r\n\r\n"), 0, 8},
    /* Only headers, or nothing at all. */
    {T("A: b\r\n"), 0, 6},
    {T("A: b\r\n c\r\n"), 0, 10},
    {T(""), 0, 0},
    /* No header section. */
    {T("\r\n"), 0, 0},
    {T("\r\nA: b\r\n\r\n"), 0, 0},
    {T("body\r\n"), 0, 0},
    {T("body and more\r\nA: b\r\n"), 0, 0},
    {T("http://example.org/\r\nA: b\r\n"), 0, 27},
    {T(": b\r\n"), 0, 0},
    {T("\0\r\nA: b\r\n"), 0, 0},
    {T("\303\251: b\r\n"), 0, 0},
    {T("A\0: b\r\n"), 0, 0},
    {T("A\177: b\r\n"), 0, 0},
    /* It ends without an empty line. */
    {T("A: b\r\nbody\r\n"), 0, 6},
    {T("A: b\r\nbody text\r\n\r\n"), 0, 6},
    {T("A: b\r\n\0\r\nbody\r\n"), 0, 6},
    {T("A: b\r\n\0C: d\r\n\r\n"), 0, 6},
    {T("A: b\r\nC\0: d\r\n\r\n"), 0, 6},
    {T("A: b\r\nC\r\n\r\n"), 0, 6},
    {T("A: b\r\nC \r\n\r\n"), 0, 6},
    {T("A: b\r\n:\r\n\r\n"), 0, 6},
    /* NUL within a field is text. */
    {T("A: \0\r\n\r\n"), 0, 6},
    {T("A: b\r\n \0\r\n\r\n"), 0, 10},
    /* A line of blanks is an end to some, a continuation to others. */
    {T("A: b\r\n \r\nbody\r\n"), 0, 0},
    {T("A: b\r\nC: d\r\n\t \r\nbody\r\n"), 0, 6},
    {T("A: b\r\nC: d\r\n e\r\n \r\nbody\r\n"), 0, 6},
    /* What begins with a blank would continue what we add. */
    {T(" a: b\r\n\r\n"), -1, -1},
    {T("\tbody\r\nA: b\r\n\r\n"), -1, -1},
    {T(" \r\n"), -1, -1},
    {T(" \r\nA: b\r\n\r\n"), -1, -1},
    {T("\t\t\r\n\r\n"), -1, -1},
    /* The line that parts mails in a mailbox stays the first one. */
    {T("From a@b Sun\r\nA: b\r\n\r\n"), 14, 20},
    {T("From a@b Sun\r\n\r\n"), 14, 14},
    {T("From a@b Sun\r\n"), 14, 14},
    {T(">From a@b\r\nA: b\r\n\r\n"), 11, 17},
    {T("From a@b Sun\r\n b\r\n\r\n"), -1, -1},
    {T("From a@b Sun\r\n \r\nA: b\r\n"), -1, -1},
    {T("From: a@b\r\n\r\n"), 0, 11},
    {T("From : a@b\r\n\r\n"), 0, 12},
    {T("A: b\r\nFrom a@b Sun\r\n\r\n"), 0, 6},
    {T("from a@b Sun\r\n\r\n"), 0, 0},
    {T("Fro a@b Sun\r\n\r\n"), 0, 0},
    {T("Fromm a@b Sun\r\n\r\n"), 0, 0},
    {T(">Frog hops\r\n\r\n"), 0, 0},
    {T(">>From a@b\r\n\r\n"), 0, 0},
    {T("From\r\n\r\n"), 0, 0},
};

static void
expect_places(
    struct text content, const struct header_scan *s, long top, long bottom)
{
	expect_number(content, "bottom", s->bottom, bottom);
	expect_number(content, "top", s->top, top);
}

static void
finds_the_places_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scan_cases); i++) {
		const struct scan_case *c = &scan_cases[i];

		for (size_t cut = 0; cut <= c->content.len; cut++) {
			struct header_scan s = {0};

			header_scan_feed(&s, c->content.p, cut);
			header_scan_feed(
			    &s, c->content.p + cut, c->content.len - cut);
			header_scan_finish(&s);
			expect_places(c->content, &s, c->top, c->bottom);
		}
	}
}

static void
finds_the_places_octet_by_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(scan_cases); i++) {
		const struct scan_case *c = &scan_cases[i];
		struct header_scan s = {0};

		for (size_t n = 0; n < c->content.len; n++)
			header_scan_feed(&s, c->content.p + n, 1);
		header_scan_finish(&s);
		expect_places(c->content, &s, c->top, c->bottom);
	}
}

/*
 * How readers differ where RFC 5322 has no word for it.  The bits of a reader's
 * number say yes or no to each.
 */
#define BLANKS_END 1 /* a line of blanks ends the header section */
#define BLANK_FIRST_ENDS 2 /* so does a continuation of nothing; else skipped */
#define JUNK_ENDS 4 /* so does a line that is no field; else skipped */
#define KNOWS_MBOX 8 /* skips a "From " line in the beginning */
#define READERS 16

#define ADDED "X-Added: v\r\n"

enum kind { EMPTY, BLANKS, CONTINUATION, FIELD, JUNK };

static enum kind
kind_of(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && (line[n] == ' ' || line[n] == '\t'))
		n++;
	if (n == len)
		return n == 0 ? EMPTY : BLANKS;
	if (n > 0)
		return CONTINUATION;
	while (n < len && line[n] > ' ' && line[n] != 0x7f && line[n] != ':')
		n++;
	if (n == 0)
		return JUNK;
	while (n < len && (line[n] == ' ' || line[n] == '\t'))
		n++;
	return n < len && line[n] == ':' ? FIELD : JUNK;
}

static bool
ends_header(enum kind kind, bool in_field, unsigned reader)
{
	switch (kind) {
	case EMPTY:
		return true;
	case BLANKS:
		if (reader & BLANKS_END)
			return true;
		return !in_field && (reader & BLANK_FIRST_ENDS);
	case CONTINUATION:
		return !in_field && (reader & BLANK_FIRST_ENDS);
	case FIELD:
		return false;
	case JUNK:
		return (reader & JUNK_ENDS) != 0;
	}
	return true;
}

/*
 * What a reader makes of content: "<field><field>|body", where a field has its
 * continuations and a skipped line stands between.
 */
static void
read_mail(struct text in, unsigned reader, struct strbuf *out)
{
	const char *p = in.p, *end = in.p + in.len;
	bool in_field = false, first = true;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)(lf - p) + 1;
		enum kind kind = kind_of(p, len - 2);
		bool mbox = first && (reader & KNOWS_MBOX) && len >= 7 &&
		    (memcmp(p, "From ", 5) == 0 || memcmp(p, ">From ", 6) == 0);

		if (kind == JUNK && mbox)
			in_field = false;
		else if (ends_header(kind, in_field, reader))
			break;
		else if (kind == FIELD || (kind == JUNK && in_field)) {
			if (in_field)
				strbuf_puts(out, ">");
			if (kind == FIELD)
				strbuf_puts(out, "<");
			in_field = kind == FIELD;
		}
		strbuf_add(out, p, len);
		p += len;
		first = false;
	}
	if (in_field)
		strbuf_puts(out, ">");
	strbuf_puts(out, "|");
	strbuf_add(out, p, (size_t)(end - p));
}

/* Take what one out of b, which must be there once. */
static bool
take_out(struct strbuf *b, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= b->len; i++)
		if (memcmp(b->data + i, what, n) == 0) {
			memmove(b->data + i, b->data + i + n, b->len - i - n);
			b->len -= n;
			return true;
		}
	return false;
}

/*
 * With a field added at place, every reader finds the fields and the body of
 * before, and the new field by itself: in the header section, or in the body
 * for one that takes the whole for a body.
 */
static void
expect_unharmed(struct text content, off_t place)
{
	struct strbuf added = {0};

	strbuf_add(&added, content.p, (size_t)place);
	strbuf_puts(&added, ADDED);
	strbuf_add(&added, content.p + place, content.len - (size_t)place);
	for (unsigned reader = 0; reader < READERS; reader++) {
		struct strbuf before = {0}, after = {0};

		read_mail(content, reader, &before);
		read_mail((struct text){added.data, added.len}, reader, &after);
		if (!take_out(&after, "<" ADDED ">"))
			assert_true(take_out(&after, ADDED));
		if (after.len != before.len ||
		    memcmp(after.data, before.data, after.len) != 0)
			print_error("reader %u\n", reader);
		expect_text(content, after.data, after.len,
		    (struct text){before.data, before.len});
		strbuf_free(&before);
		strbuf_free(&after);
	}
	strbuf_free(&added);
}

static void
added_fields_change_nothing_else(void **state)
{
	static const struct text lines[] = {T("A: b\r\n"), T("C:\r\n"),
	    T("D : e\r\n"), T("From: f\r\n"), T("From g h\r\n"),
	    T(">From i\r\n"), T(">Frog j\r\n"), T(" k\r\n"), T("\tl: m\r\n"),
	    T(" \r\n"), T("\t\r\n"), T("\r\n"), T("junk\r\n"),
	    T("two words\r\n"), T(": n\r\n"), T("\0\r\n"), T(" \0\r\n"),
	    T(".\r\n")};
	uint64_t seed = 5322;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		char content[256];
		size_t len = 0, n = random_below(&seed, 7);
		struct header_scan s = {0};

		while (n-- > 0) {
			struct text t =
			    lines[random_below(&seed, COUNT(lines))];

			memcpy(content + len, t.p, t.len);
			len += t.len;
		}
		header_scan_feed(&s, content, len);
		header_scan_finish(&s);
		assert_true(s.top <= (off_t)len && s.bottom <= (off_t)len);
		if (s.top >= 0)
			expect_unharmed((struct text){content, len}, s.top);
		if (s.bottom >= 0)
			expect_unharmed((struct text){content, len}, s.bottom);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_places_at_every_cut),
	    cmocka_unit_test(finds_the_places_octet_by_octet),
	    cmocka_unit_test(added_fields_change_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
