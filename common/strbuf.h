/*
 * A growing buffer of octets.  Zeroed memory is an empty buffer.
 *
 * Appending never fails on the spot: when memory runs out the buffer keeps
 * what it has, and failed stays set until strbuf_free, so a caller asks once,
 * when it is about to use the whole.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_STRBUF_H
#define COMMON_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *data; /* len octets and a NUL; NULL while nothing was added */
	size_t len, cap;
	bool failed; /* memory ran out; something is missing */
};

/*
 * Make room for n more octets (and a NUL), so that adding them cannot fail.
 * Returns 0, or -1 with ENOMEM and the buffer as it was.
 */
int strbuf_reserve(struct strbuf *b, size_t n);

/* Append len octets; data is only read. */
void strbuf_add(struct strbuf *b, const void *data, size_t len);

/* Append what another one has; it is no more whole than that. */
void strbuf_add_buf(struct strbuf *b, const struct strbuf *other);

/* Append a string without its NUL. */
void strbuf_puts(struct strbuf *b, const char *s);

/* The string, never NULL; borrowed until the buffer changes. */
const char *strbuf_str(const struct strbuf *b);

/* Forget the content, keep the memory. */
void strbuf_clear(struct strbuf *b);

/* Give the memory back; the buffer is empty and usable again. */
void strbuf_free(struct strbuf *b);

#endif
