/*
 * Commands that await their replies, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
pending_push(struct pending_queue *q, enum pending_kind kind, const char *text,
    size_t len)
{
	struct pending *p = &q->entries[(q->first + q->count) % PENDING_MAX];

	if (pending_is_full(q)) {
		errno = ENOBUFS;
		return -1;
	}
	*p = (struct pending){.kind = kind, .len = len};
	p->text = malloc(len + 1);
	if (p->text == NULL)
		return -1;
	memcpy(p->text, text, len);
	p->text[len] = '\0';
	q->count++;
	return 0;
}

struct pending *
pending_head(struct pending_queue *q)
{
	return q->count == 0 ? NULL : &q->entries[q->first];
}

void
pending_pop(struct pending_queue *q)
{
	free(q->entries[q->first].text);
	q->entries[q->first].text = NULL;
	q->first = (q->first + 1) % PENDING_MAX;
	q->count--;
}

void
pending_clear(struct pending_queue *q)
{
	while (!pending_is_empty(q))
		pending_pop(q);
}

bool
pending_is_empty(const struct pending_queue *q)
{
	return q->count == 0;
}

bool
pending_is_full(const struct pending_queue *q)
{
	return q->count == PENDING_MAX;
}
