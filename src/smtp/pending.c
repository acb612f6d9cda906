/*
 * Commands that await their replies, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
append(struct pending_queue *q, const struct pending *p)
{
	if (pending_is_full(q)) {
		errno = ENOBUFS;
		return -1;
	}
	q->entries[(q->first + q->count++) % PENDING_MAX] = *p;
	return 0;
}

int
pending_push(struct pending_queue *q, const struct exchange *exchange,
    const char *text, size_t len)
{
	struct pending p = {.exchange = exchange, .len = len};

	p.text = malloc(len + 1);
	if (p.text == NULL)
		return -1;
	memcpy(p.text, text, len);
	p.text[len] = '\0';
	if (append(q, &p) == 0)
		return 0;
	free(p.text);
	return -1;
}

int
pending_push_answer(struct pending_queue *q, enum answer answer)
{
	return append(q, &(struct pending){.answer = answer});
}

struct pending *
pending_head(struct pending_queue *q)
{
	return q->count == 0 ? NULL : &q->entries[q->first];
}

struct pending
pending_take(struct pending_queue *q)
{
	struct pending p = q->entries[q->first];

	q->entries[q->first].text = NULL;
	q->first = (q->first + 1) % PENDING_MAX;
	q->count--;
	return p;
}

void
pending_clear(struct pending_queue *q)
{
	while (!pending_is_empty(q))
		free(pending_take(q).text);
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
