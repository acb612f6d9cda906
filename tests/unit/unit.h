/*
 * What the unit tests share: texts with any octets in them, comparisons that
 * show what differs, and random octets that are the same in every run.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct text {
	const char *p;
	size_t len;
};

/* A text from a string literal, which may have NULs in it. */
#define T(literal)                                                             \
	{                                                                      \
		(literal), sizeof(literal) - 1                                 \
	}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void
show(const char *title, const char *p, size_t len)
{
	print_error("%s %zu octets: \"", title, len);
	for (size_t i = 0; i < len && i < 400; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\r')
			print_error("\\r");
		else if (c == '\n')
			print_error("\\n");
		else if (c < ' ' || c > '~' || c == '\\' || c == '"')
			print_error("\\%03o", c);
		else
			print_error("%c", c);
	}
	print_error("\"\n");
}

/* The test fails unless got is want; in is what it was made from. */
static inline void
expect_text(struct text in, const char *got, size_t got_len, struct text want)
{
	if (got_len == want.len &&
	    (got_len == 0 || memcmp(got, want.p, got_len) == 0))
		return;
	show("input ", in.p, in.len);
	show("wanted", want.p, want.len);
	show("got   ", got, got_len);
	fail();
}

/* The test fails unless got is want; in is what it was made from. */
static inline void
expect_number(struct text in, const char *what, long long got, long long want)
{
	if (got == want)
		return;
	show("input ", in.p, in.len);
	print_error("%s: wanted %lld, got %lld\n", what, want, got);
	fail();
}

/* A number below n; xorshift, so every run sees the same. */
static inline size_t
random_below(uint64_t *seed, size_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (size_t)(*seed % n);
}

/* Fill buf with octets of alphabet. */
static inline void
random_octets(uint64_t *seed, struct text alphabet, char *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = alphabet.p[random_below(seed, alphabet.len)];
}

#endif
