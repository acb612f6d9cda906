/*
 * The envelope of a mail transaction (floor 1, pure).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/envelope.h"

#include <string.h>

#include "common/strutil.h"

#define ELLIPSIS ", to=..."

void
envelope_clear(struct envelope *e)
{
	strbuf_free(&e->sender);
	strbuf_free(&e->forward_paths);
	strbuf_free(&e->remote);
	strbuf_free(&e->remote_helo);
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

void
envelope_add_sender(struct envelope *e, const char *arg, size_t len)
{
	e->has_sender = true;
	strbuf_free(&e->sender);
	if (find_address("FROM", &arg, &len))
		strbuf_add(&e->sender, arg, len);
}

void
envelope_add_recipient(struct envelope *e, const char *arg, size_t len)
{
	e->recipients++;
	if (!find_address("TO", &arg, &len))
		return;
	if (e->forward_paths.len > 0)
		strbuf_add(&e->forward_paths, "\n", 1);
	strbuf_add(&e->forward_paths, arg, len);
}

void
envelope_refuse_recipient(struct envelope *e)
{
	e->refused++;
}

bool
envelope_is_full(const struct envelope *e, size_t len)
{
	return e->forward_paths.len + len > ENVELOPE_RECIPIENTS_MAX;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void
set_attribute(struct strbuf *out, const char *s, size_t len)
{
	strbuf_clear(out);
	if (len > 0 && s[0] == '[') {
		s++;
		len--;
	}
	if (len > 0 && s[len - 1] == ']')
		len--;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '+' && i + 2 < len && hex_digit(s[i + 1]) >= 0 &&
		    hex_digit(s[i + 2]) >= 0) {
			c = (char)(hex_digit(s[i + 1]) * 16 +
			    hex_digit(s[i + 2]));
			i += 2;
		}
		if ((c >= 0 && c < ' ') || c == 0x7f)
			c = '?';
		strbuf_add(out, &c, 1);
	}
}

void
envelope_add_xforward(struct envelope *e, const char *arg, size_t len)
{
	while (len > 0) {
		size_t n = 0;

		while (n < len && !str_is_space(arg[n]))
			n++;
		if (str_begins(arg, n, "ADDR="))
			set_attribute(&e->remote, arg + 5, n - 5);
		else if (str_begins(arg, n, "HELO="))
			set_attribute(&e->remote_helo, arg + 5, n - 5);
		arg += n;
		len -= n;
		str_trim(&arg, &len);
	}
}

/* Append a part "name=value"; false (and nothing) when it does not fit. */
static bool
add_part(struct strbuf *out, size_t max, const char *name, const char *value,
    size_t len)
{
	size_t comma = out->len > 0 ? 2 : 0;

	if (out->len + comma + strlen(name) + len > max)
		return false;
	strbuf_add(out, ", ", comma);
	strbuf_puts(out, name);
	for (size_t i = 0; i < len; i++) {
		bool forged = value[i] == ' ' && i > 0 && value[i - 1] == ',';

		strbuf_add(out, forged ? "?" : value + i, 1);
	}
	return true;
}

/* Append the recipients; false when one did not fit. */
static bool
add_recipients(struct strbuf *out, size_t max, const struct strbuf *paths)
{
	const char *p = strbuf_str(paths), *end = p + paths->len;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf == NULL ? end : lf) - p);

		if (!add_part(out, max, "to=", p, n))
			return false;
		p += n + 1;
	}
	return true;
}

void
envelope_summary(
    const struct envelope *e, const char *status, struct strbuf *out)
{
	size_t status_len = status == NULL ? 0 : strlen(status);
	size_t max = ENVELOPE_SUMMARY_MAX - strlen(ELLIPSIS);

	/* A virus may have a long name; half of the line is enough of it. */
	if (status_len > ENVELOPE_SUMMARY_MAX / 2)
		status_len = ENVELOPE_SUMMARY_MAX / 2;
	if (status_len > 0)
		max -= status_len + 2;
	strbuf_clear(out);
	if (e->has_sender && e->sender.len > 0 &&
	    !add_part(out, max, "from=", e->sender.data, e->sender.len))
		add_part(out, max, "from=", e->sender.data, max / 2);
	if (!add_recipients(out, max, &e->forward_paths))
		strbuf_puts(out, out->len > 0 ? ELLIPSIS : ELLIPSIS + 2);
	if (status_len > 0) {
		strbuf_add(out, ", ", out->len > 0 ? 2 : 0);
		strbuf_add(out, status, status_len);
	}
}
