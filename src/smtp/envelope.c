/*
 * The envelope of a mail transaction, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/envelope.h"

#include <string.h>

#include "common/strutil.h"
#include "src/smtp/attributes.h"

#define FROM "from="
#define TO "to="

void
envelope_clear(struct envelope *e)
{
	strbuf_free(&e->trail);
	strbuf_free(&e->remote);
	strbuf_free(&e->remote_helo);
	strbuf_free(&e->remote_ident);
	*e = (struct envelope){0};
}

/*
 * Find the address in "FROM:<a@b> ..." or "TO: a@b".  False when there is no
 * such thing.
 */
static bool
find_address(const char *word, const char **arg, size_t *len)
{
	size_t n = strlen(word);
	const char *close;

	if (!str_begins(*arg, *len, word))
		return false;
	*arg += n;
	*len -= n;
	if (*len == 0 || ((*arg)[0] != ':' && !str_is_space((*arg)[0])))
		return false;
	while (*len > 0 && ((*arg)[0] == ':' || str_is_space((*arg)[0]))) {
		(*arg)++;
		(*len)--;
	}
	if (*len == 0 || (*arg)[0] != '<')
		return true;
	close = memchr(*arg, '>', *len);
	if (close == NULL)
		return true;
	if (close == *arg + 1) { /* the null reverse-path stays <> */
		*len = 2;
		return true;
	}
	(*arg)++;
	*len = (size_t)(close - *arg);
	return true;
}

static void
note(struct envelope *e, const char *name, const char *address, size_t len)
{
	strbuf_puts(&e->trail, name);
	strbuf_add(&e->trail, address, len);
	strbuf_add(&e->trail, "\n", 1);
}

void
envelope_add_sender(struct envelope *e, const char *arg, size_t len)
{
	if (find_address("FROM", &arg, &len))
		note(e, FROM, arg, len);
}

void
envelope_add_recipient(struct envelope *e, const char *arg, size_t len)
{
	e->recipients++;
	if (find_address("TO", &arg, &len))
		note(e, TO, arg, len);
}

void
envelope_refuse_recipient(struct envelope *e)
{
	e->refused++;
}

bool
envelope_has_failed(const struct envelope *e)
{
	return e->trail.failed || e->remote.failed || e->remote_helo.failed ||
	    e->remote_ident.failed;
}

bool
envelope_is_full(const struct envelope *e, size_t len)
{
	return e->trail.len + len > ENVELOPE_TRAIL_MAX;
}

void
envelope_add_xforward(struct envelope *e, const char *arg, size_t len)
{
	struct attribute a;

	while (attributes_next(&arg, &len, &a)) {
		if (str_equals(a.name, a.name_len, "ADDR"))
			attributes_decode_address(&a, &e->remote);
		else if (str_equals(a.name, a.name_len, "HELO"))
			attributes_decode(&a, &e->remote_helo);
		else if (str_equals(a.name, a.name_len, "IDENT"))
			attributes_decode(&a, &e->remote_ident);
	}
}

bool
envelope_next_line(const struct envelope *e, const char **line, size_t *len)
{
	const char *start = strbuf_str(&e->trail);
	const char *end = start + e->trail.len, *lf;

	*line = *line == NULL ? start : *line + *len + 1;
	if (*line >= end)
		return false;
	lf = memchr(*line, '\n', (size_t)(end - *line));
	*len = (size_t)((lf == NULL ? end : lf) - *line);
	return true;
}

void
envelope_get_sender(const struct envelope *e, struct strbuf *out)
{
	const char *line = NULL, *last = NULL;
	size_t len = 0, last_len = 0;

	while (envelope_next_line(e, &line, &len)) {
		if (str_begins(line, len, FROM)) {
			last = line + strlen(FROM);
			last_len = len - strlen(FROM);
		}
	}
	if (last != NULL)
		strbuf_add(out, last, last_len);
}

void
envelope_get_recipients(const struct envelope *e, struct strbuf *out)
{
	const char *line = NULL;
	size_t len = 0;
	bool first = true;

	while (envelope_next_line(e, &line, &len)) {
		if (!str_begins(line, len, TO))
			continue;
		if (!first)
			strbuf_add(out, "\n", 1);
		strbuf_add(out, line + strlen(TO), len - strlen(TO));
		first = false;
	}
}
