/*
 * Fuzz target: dot-stuffing.  The first octet says how the rest is cut.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/dotstuff.h"
#include "tests/fuzz/fuzz.h"

struct decoded {
	struct dot_decoder d;
	char *out;
	size_t len, used;
};

/* Decode in chunks of piece octets, with room octets of output at a time. */
static void
decode(struct decoded *x, const char *in, size_t len, size_t piece, size_t room)
{
	*x = (struct decoded){.out = malloc(2 * len + room)};
	CHECK(x->out != NULL);
	while (x->used < len && x->d.state != DOT_END) {
		size_t chunk = len - x->used < piece ? len - x->used : piece;
		size_t n,
		    used = dot_decode(
			&x->d, in + x->used, chunk, x->out + x->len, room, &n);

		CHECK(used <= chunk && n <= room && used + n > 0);
		x->used += used;
		x->len += n;
		CHECK(x->len <= 2 * x->used);
	}
}

static void
expect_same(const struct decoded *a, const struct decoded *b)
{
	CHECK(a->len == b->len && a->used == b->used);
	CHECK(memcmp(a->out, b->out, a->len) == 0);
	CHECK(a->d.state == b->d.state);
	CHECK(a->d.repaired == b->d.repaired);
	CHECK(a->d.may_have_dots == b->d.may_have_dots);
}

/* Content has CRLF for all line ends; and says where dots begin a line. */
static void
check_content(const struct decoded *x)
{
	for (size_t i = 0; i < x->len; i++) {
		bool cr_before = i > 0 && x->out[i - 1] == '\r';

		CHECK((x->out[i] == '\n') == cr_before);
		if (x->out[i] == '.' && (i == 0 || x->out[i - 1] == '\n'))
			CHECK(x->d.may_have_dots);
	}
}

/* A line of one dot, if CR, LF and CRLF are line ends, is the last one. */
static void
check_wire(const char *p, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\r' && p[i] != '\n')
			continue;
		if (i == start + 1 && p[start] == '.')
			CHECK(i + 2 == len);
		start = i + 1;
	}
}

static void
check_round_trip(const struct decoded *x, size_t piece)
{
	char *wire = malloc(2 * x->len + 3);
	struct dot_encoder e = {0};
	struct decoded again;
	size_t n = 0;

	CHECK(wire != NULL);
	for (size_t pos = 0; pos < x->len; pos += piece)
		n += dot_encode(&e, x->out + pos,
		    x->len - pos < piece ? x->len - pos : piece, wire + n);
	CHECK(n <= 2 * x->len && !e.in_line);
	memcpy(wire + n, DOT_TERMINATOR, 3);
	n += 3;
	check_wire(wire, n);
	decode(&again, wire, n, piece, piece + DOT_DECODE_ROOM);
	CHECK(again.d.state == DOT_END && !again.d.repaired);
	CHECK(again.used == n && again.len == x->len);
	CHECK(memcmp(again.out, x->out, x->len) == 0);
	free(again.out);
	free(wire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoded whole, parts;
	size_t piece, room, len;
	char *in;

	if (size == 0)
		return 0;
	piece = 1 + data[0] % 16;
	room = DOT_DECODE_ROOM + data[0] / 16;
	len = size - 1 + 5;
	in = malloc(len);
	CHECK(in != NULL);
	memcpy(in, data + 1, size - 1);
	memcpy(in + size - 1, "\r\n.\r\n", 5);
	decode(&whole, in, len, len, 2 * len);
	decode(&parts, in, len, piece, room);
	expect_same(&whole, &parts);
	CHECK(whole.d.state == DOT_END);
	CHECK(whole.used >= 3 &&
	    memcmp(in + whole.used - 3, DOT_TERMINATOR, 3) == 0);
	check_content(&whole);
	check_round_trip(&whole, piece);
	free(whole.out);
	free(parts.out);
	free(in);
	return 0;
}
