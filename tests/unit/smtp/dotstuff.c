/*
 * Dot-stuffing: tables, every cut, tiny outputs, and what must hold for any
 * content.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/dotstuff.h"

#include "tests/unit/unit.h"

#define OUT_MAX 4096

struct decode_case {
	struct text in; /* behind the line end of DATA */
	struct text content;
	struct text rest; /* behind the end of mail data */
	bool ended;
	bool repaired;
};

/* RFC 5321 4.5.2, 4.1.1.4, 2.3.8. */
static const struct decode_case decode_cases[] = {
    /* Plain content. */
    {T("a\r\n.\r\n"), T("a\r\n"), T(""), true, false},
    {T("a\r\nb\r\n.\r\n"), T("a\r\nb\r\n"), T(""), true, false},
    {T("\r\n.\r\n"), T("\r\n"), T(""), true, false},
    {T("\r\n\r\n\r\n.\r\n"), T("\r\n\r\n\r\n"), T(""), true, false},
    /* Empty content. */
    {T(".\r\n"), T(""), T(""), true, false},
    /* What follows belongs to the next command. */
    {T("a\r\n.\r\nQUIT\r\n"), T("a\r\n"), T("QUIT\r\n"), true, false},
    {T(".\r\n.\r\n"), T(""), T(".\r\n"), true, false},
    {T(".\r\n\n"), T(""), T("\n"), true, false},
    /* No end yet. */
    {T(""), T(""), T(""), false, false},
    {T("a"), T("a"), T(""), false, false},
    {T("a\r\n"), T("a\r\n"), T(""), false, false},
    {T("a\r\n."), T("a\r\n"), T(""), false, false},
    {T("a\r\n.\r"), T("a\r\n"), T(""), false, false},
    {T("a\r"), T("a"), T(""), false, false},
    {T("a.\r\n"), T("a.\r\n"), T(""), false, false},
    /* Stuffed dots. */
    {T("..\r\n.\r\n"), T(".\r\n"), T(""), true, false},
    {T("...\r\n.\r\n"), T("..\r\n"), T(""), true, false},
    {T(".a\r\n.\r\n"), T("a\r\n"), T(""), true, false},
    {T("..a\r\n.\r\n"), T(".a\r\n"), T(""), true, false},
    {T("a\r\n..\r\n..b\r\n.\r\n"), T("a\r\n.\r\n.b\r\n"), T(""), true, false},
    {T("a.b\r\n.\r\n"), T("a.b\r\n"), T(""), true, false},
    {T("a..\r\n.\r\n"), T("a..\r\n"), T(""), true, false},
    {T("\r\n..\r\n.\r\n"), T("\r\n.\r\n"), T(""), true, false},
    /* Almost the end. */
    {T("a\r\n. \r\n.\r\n"), T("a\r\n \r\n"), T(""), true, false},
    {T("a\r\n.\0\r\n.\r\n"), T("a\r\n\0\r\n"), T(""), true, false},
    {T("a\r\n .\r\n.\r\n"), T("a\r\n .\r\n"), T(""), true, false},
    /* Stray LF: a line end, but no dot behind it is special. */
    {T("a\nb\r\n.\r\n"), T("a\r\nb\r\n"), T(""), true, true},
    {T("a\n.\nb\r\n.\r\n"), T("a\r\n.\r\nb\r\n"), T(""), true, true},
    {T("a\n.\r\nb\r\n.\r\n"), T("a\r\n.\r\nb\r\n"), T(""), true, true},
    {T("a\n..\r\n.\r\n"), T("a\r\n..\r\n"), T(""), true, true},
    {T("a\n.b\r\n.\r\n"), T("a\r\n.b\r\n"), T(""), true, true},
    {T("\n.\r\n.\r\n"), T("\r\n.\r\n"), T(""), true, true},
    {T("\n\n\r\n.\r\n"), T("\r\n\r\n\r\n"), T(""), true, true},
    {T("a\r\n\n.\r\n.\r\n"), T("a\r\n\r\n.\r\n"), T(""), true, true},
    /* CRLF, dot, LF: the dot was stuffed, the LF is stray. */
    {T("a\r\n.\nb\r\n.\r\n"), T("a\r\n\r\nb\r\n"), T(""), true, true},
    {T("a\r\n.\n.\r\n.\r\n"), T("a\r\n\r\n.\r\n"), T(""), true, true},
    {T(".\n.\r\n.\r\n"), T("\r\n.\r\n"), T(""), true, true},
    /* Stray CR: a space. */
    {T("a\rb\r\n.\r\n"), T("a b\r\n"), T(""), true, true},
    {T("\ra\r\n.\r\n"), T(" a\r\n"), T(""), true, true},
    {T("\r.\r\n.\r\n"), T(" .\r\n"), T(""), true, true},
    {T("a\r.\r\n.\r\n"), T("a .\r\n"), T(""), true, true},
    {T("a\r\r\n.\r\n"), T("a \r\n"), T(""), true, true},
    {T("a\r\r\r\n.\r\n"), T("a  \r\n"), T(""), true, true},
    {T("\r\r\n.\r\n"), T(" \r\n"), T(""), true, true},
    {T("a\r\n.\r.\r\n.\r\n"), T("a\r\n .\r\n"), T(""), true, true},
    {T("a\r\n.\r\r\n.\r\n"), T("a\r\n \r\n"), T(""), true, true},
    {T("a\r\n.\rb\r\n.\r\n"), T("a\r\n b\r\n"), T(""), true, true},
    {T("a\r\0\n.\r\n.\r\n"), T("a \0\r\n.\r\n"), T(""), true, true},
    {T("\r.\r\r\n.\r\n"), T(" . \r\n"), T(""), true, true},
    /* All other octets pass. */
    {T("\0\r\n.\r\n"), T("\0\r\n"), T(""), true, false},
    {T("a\0b\r\n\0.\r\n.\r\n"), T("a\0b\r\n\0.\r\n"), T(""), true, false},
    {T("\303\251\377\200\r\n.\r\n"), T("\303\251\377\200\r\n"), T(""), true,
	false},
    {T("\t\v\f\033\177\b\r\n.\r\n"), T("\t\v\f\033\177\b\r\n"), T(""), true,
	false},
    /* How 1.10 was made to send an end of its own (NUL cuts a line). */
    {T("x\r\n\0\n.\r\0\n\nRSET\r\n.\r\n"), T("x\r\n\0\r\n. \0\r\n\r\nRSET\r\n"),
	T(""), true, true},
};

struct decoded {
	char out[OUT_MAX];
	size_t len;
	size_t used;
	struct dot_decoder d;
};

/* Decode a chunk, room octets of output at a time. */
static void
feed(struct decoded *x, const char *in, size_t len, size_t room)
{
	while (len > 0 && x->d.state != DOT_END) {
		char out[OUT_MAX];
		size_t n, used = dot_decode(&x->d, in, len, out, room, &n);

		assert_true(used <= len);
		assert_true(n <= room);
		assert_true(used > 0 || n > 0);
		assert_true(x->len + n <= sizeof x->out);
		memcpy(x->out + x->len, out, n);
		x->len += n;
		x->used += used;
		in += used;
		len -= used;
	}
}

static bool
begins_a_line_with_dot(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] == '.' && (i == 0 || p[i - 1] == '\n'))
			return true;
	return false;
}

static void
expect_decoded(const struct decode_case *c, const struct decoded *x)
{
	expect_text(c->in, x->out, x->len, c->content);
	expect_number(c->in, "ended", x->d.state == DOT_END, c->ended);
	expect_number(c->in, "repaired", x->d.repaired, c->repaired);
	expect_text(c->in, c->in.p + x->used, c->in.len - x->used, c->rest);
	/* More may be said, but never less. */
	if (begins_a_line_with_dot(x->out, x->len))
		expect_number(c->in, "may_have_dots", x->d.may_have_dots, true);
}

static void
decodes_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decode_cases); i++) {
		const struct decode_case *c = &decode_cases[i];

		for (size_t cut = 0; cut <= c->in.len; cut++)
			for (size_t room = DOT_DECODE_ROOM; room <= 8; room++) {
				struct decoded x = {.len = 0};

				feed(&x, c->in.p, cut, room);
				feed(&x, c->in.p + cut, c->in.len - cut, room);
				expect_decoded(c, &x);
			}
	}
}

static void
decodes_octet_by_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decode_cases); i++) {
		const struct decode_case *c = &decode_cases[i];
		struct decoded x = {.len = 0};

		for (size_t n = 0; n < c->in.len; n++)
			feed(&x, c->in.p + n, 1, DOT_DECODE_ROOM);
		expect_decoded(c, &x);
	}
}

static void
plain_lines_need_no_stuffing(void **state)
{
	static const char in[] = "a: b\r\n\r\nno dots .\r\n.\r\n";
	struct decoded x = {.len = 0};

	(void)state;
	feed(&x, in, sizeof in - 1, OUT_MAX);
	assert_true(x.d.state == DOT_END);
	assert_false(x.d.may_have_dots);
}

static void
an_ended_decoder_takes_nothing(void **state)
{
	struct dot_decoder d = {.state = DOT_END};
	char out[8];
	size_t n = 99;

	(void)state;
	assert_int_equal(dot_decode(&d, "a\r\n", 3, out, sizeof out, &n), 0);
	assert_int_equal(n, 0);
}

struct encode_case {
	struct text content;
	struct text out;
};

static const struct encode_case encode_cases[] = {
    {T(""), T("")},
    {T("a\r\n"), T("a\r\n")},
    {T(".\r\n"), T("..\r\n")},
    {T("..\r\n"), T("...\r\n")},
    {T(".a\r\n.b\r\n"), T("..a\r\n..b\r\n")},
    {T("a.\r\n"), T("a.\r\n")},
    {T(" .\r\n"), T(" .\r\n")},
    {T("\r\n.\r\n\r\n"), T("\r\n..\r\n\r\n")},
    {T("a\r\n\r\n.."), T("a\r\n\r\n...")},
    {T("\0\r\n.\0\r\n"), T("\0\r\n..\0\r\n")},
};

static void
encodes_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(encode_cases); i++) {
		const struct encode_case *c = &encode_cases[i];

		for (size_t cut = 0; cut <= c->content.len; cut++) {
			struct dot_encoder e = {0};
			char out[256];
			size_t n;

			n = dot_encode(&e, c->content.p, cut, out);
			assert_true(n <= 2 * cut);
			n += dot_encode(&e, c->content.p + cut,
			    c->content.len - cut, out + n);
			expect_text(c->content, out, n, c->out);
		}
	}
}

/* Decode what the encoder makes of content, both in random pieces. */
static void
decode_encoded(uint64_t *seed, struct text content, struct decoded *x)
{
	struct dot_encoder e = {0};
	char wire[2 * OUT_MAX];
	size_t n = 0, pos = 0;

	while (pos < content.len) {
		size_t piece = 1 + random_below(seed, content.len - pos);

		n += dot_encode(&e, content.p + pos, piece, wire + n);
		pos += piece;
	}
	memcpy(wire + n, DOT_TERMINATOR, strlen(DOT_TERMINATOR));
	n += strlen(DOT_TERMINATOR);
	*x = (struct decoded){.len = 0};
	for (pos = 0; pos < n && x->d.state != DOT_END;) {
		size_t piece = 1 + random_below(seed, n - pos);

		feed(x, wire + pos, piece,
		    DOT_DECODE_ROOM + random_below(seed, 30));
		pos += piece;
	}
	expect_number(content, "octets used", (long long)x->used, (long long)n);
}

static void
decoding_undoes_encoding(void **state)
{
	const struct text pieces[] = {T("\r\n"), T("."), T(".."), T("a"),
	    T(" "), T("\0"), T("\r\n."), T("b: c")};
	uint64_t seed = 5321;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char content[256];
		size_t len = 0, n = random_below(&seed, 24);
		struct decoded x;

		while (n-- > 0) {
			struct text t =
			    pieces[random_below(&seed, COUNT(pieces))];

			memcpy(content + len, t.p, t.len);
			len += t.len;
		}
		if (len > 0) {
			memcpy(content + len, "\r\n", 2);
			len += 2;
		}
		decode_encoded(&seed, (struct text){content, len}, &x);
		expect_text((struct text){content, len}, x.out, x.len,
		    (struct text){content, len});
		assert_true(x.d.state == DOT_END);
		assert_false(x.d.repaired);
	}
}

/*
 * Where the first line of a single dot begins, for a reader to whom CR, LF
 * and CRLF are all line ends; len when there is none.
 */
static size_t
find_end_by_any_reading(const char *p, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\r' && p[i] != '\n')
			continue;
		if (i == start + 1 && p[start] == '.')
			return start;
		start = i + 1;
	}
	return len;
}

static void
hostile_content_has_one_end(void **state)
{
	const struct text alphabet = T("\r\r\n\n..\0a ");
	uint64_t seed = 2920;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char in[64], wire[4 * sizeof in];
		size_t len = random_below(&seed, 56), n;
		struct decoded x = {.len = 0};
		struct dot_encoder e = {0};

		random_octets(&seed, alphabet, in, len);
		memcpy(in + len, "\r\n.\r\n", 5);
		len += 5;
		feed(&x, in, len, DOT_DECODE_ROOM + random_below(&seed, 9));
		assert_true(x.d.state == DOT_END);
		n = dot_encode(&e, x.out, x.len, wire);
		assert_false(e.in_line);
		memcpy(wire + n, DOT_TERMINATOR, 3);
		n += 3;
		expect_number((struct text){in, len}, "first end",
		    (long long)find_end_by_any_reading(wire, n),
		    (long long)n - 3);
		if (begins_a_line_with_dot(x.out, x.len))
			expect_number((struct text){in, len}, "may_have_dots",
			    x.d.may_have_dots, true);
	}
}

/* A message of the decoder's making goes through a second one unchanged. */
static void
repaired_content_needs_no_repair(void **state)
{
	const struct text alphabet = T("\r\n\n\r.\0a");
	uint64_t seed = 4;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		char in[64];
		size_t len = random_below(&seed, 56);
		struct decoded x = {.len = 0}, y;

		random_octets(&seed, alphabet, in, len);
		memcpy(in + len, "\r\n.\r\n", 5);
		feed(&x, in, len + 5, OUT_MAX);
		decode_encoded(&seed, (struct text){x.out, x.len}, &y);
		expect_text((struct text){in, len + 5}, y.out, y.len,
		    (struct text){x.out, x.len});
		assert_false(y.d.repaired);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decodes_at_every_cut),
	    cmocka_unit_test(decodes_octet_by_octet),
	    cmocka_unit_test(plain_lines_need_no_stuffing),
	    cmocka_unit_test(an_ended_decoder_takes_nothing),
	    cmocka_unit_test(encodes_at_every_cut),
	    cmocka_unit_test(decoding_undoes_encoding),
	    cmocka_unit_test(hostile_content_has_one_end),
	    cmocka_unit_test(repaired_content_needs_no_repair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
