/*
 * The address in the argument of MAIL or RCPT, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/path.h"

#include <string.h>

#include "common/strutil.h"

/* What remains to be read. */
struct rest {
	const char *p, *end;
};

static bool
is_at(const struct rest *r, char c)
{
	return r->p < r->end && *r->p == c;
}

static void
skip_blanks(struct rest *r)
{
	while (r->p < r->end && str_is_space(*r->p))
		r->p++;
}

static void
skip_word(struct rest *r)
{
	while (r->p < r->end && !str_is_space(*r->p))
		r->p++;
}

/* Behind the quotes in which we are; false when they have no end. */
static bool
skip_quoted(struct rest *r)
{
	for (r->p++; r->p < r->end && *r->p != '"'; r->p++)
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
	if (r->p >= r->end)
		return false;
	r->p++;
	return true;
}

/* May it stand in an address without quotes? */
static bool
is_plain(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && c != '<' && c != '>' &&
	    c != '\\' && c != '"';
}

/* Up to c, over what may stand in an address; false when it does not come. */
static bool
skip_to(struct rest *r, char c)
{
	while (r->p < r->end && *r->p != c) {
		if (is_plain(*r->p))
			r->p++;
		else if (*r->p != '"' || !skip_quoted(r))
			return false;
	}
	return r->p < r->end;
}

/* "@a,@b:" in front of an address; a literal [IPv6:::1] in it has colons, too. */
static bool
skip_route(struct rest *r)
{
	while (r->p < r->end && *r->p != ':') {
		if (!is_plain(*r->p) || (*r->p == '[' && !skip_to(r, ']')))
			return false;
		r->p++;
	}
	if (r->p >= r->end)
		return false;
	r->p++;
	/* It leads somewhere, and to no other route. */
	return !is_at(r, '>') && !is_at(r, '@');
}

static bool
is_keyword_octet(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-';
}

/* Is all that is left blanks with "KEYWORD" or "KEYWORD=value" behind them? */
static bool
is_parameters(struct rest *r)
{
	while (r->p < r->end && str_is_space(*r->p)) {
		skip_blanks(r);
		while (r->p < r->end && is_keyword_octet(*r->p))
			r->p++;
		if (is_at(r, '='))
			skip_word(r);
	}
	return r->p == r->end;
}

bool
path_find(const char *arg, size_t len, const char *word, const char **address,
    size_t *address_len)
{
	struct rest r = {arg, arg + len};
	const char *open;

	if (!str_begins(arg, len, word))
		return false;
	r.p += strlen(word);
	skip_blanks(&r);
	if (!is_at(&r, '<'))
		return false;
	open = r.p++;
	if (is_at(&r, '@') && !skip_route(&r))
		return false;
	*address = r.p;
	if (!skip_to(&r, '>'))
		return false;
	*address_len = (size_t)(r.p++ - *address);
	if (*address_len == 0) {
		*address = open;
		*address_len = (size_t)(r.p - open);
	}
	return is_parameters(&r);
}
