/*
 * A growing buffer of octets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/strbuf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STRBUF_MIN 128 /* octets of the first allocation */

int
strbuf_reserve(struct strbuf *b, size_t n)
{
	size_t cap = b->cap < STRBUF_MIN ? STRBUF_MIN : b->cap;
	char *data;

	if (b->cap > n && b->cap - n > b->len)
		return 0;
	if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) {
		errno = ENOMEM;
		return -1;
	}
	while (cap <= b->len + n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (data == NULL)
		return -1;
	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return 0;
}

void
strbuf_add(struct strbuf *b, const void *data, size_t len)
{
	if (b->failed || len == 0)
		return;
	if (strbuf_reserve(b, len) < 0) {
		b->failed = true;
		return;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
strbuf_add_buf(struct strbuf *b, const struct strbuf *other)
{
	strbuf_add(b, strbuf_str(other), other->len);
	b->failed = b->failed || other->failed;
}

void
strbuf_puts(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

const char *
strbuf_str(const struct strbuf *b)
{
	return b->data == NULL ? "" : b->data;
}

void
strbuf_clear(struct strbuf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
strbuf_free(struct strbuf *b)
{
	free(b->data);
	*b = (struct strbuf){0};
}
