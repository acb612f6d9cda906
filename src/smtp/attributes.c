/*
 * Lists of attributes, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/attributes.h"

#include <string.h>

#include "common/strutil.h"

#define IPV6 "IPV6:" /* RFC 5321 4.1.3, without brackets */
#define HEX "0123456789ABCDEF" /* xtext knows no small letters */

bool
attributes_next(const char **list, size_t *len, struct attribute *a)
{
	size_t n = 0;
	const char *equals;

	str_trim(list, len);
	if (*len == 0)
		return false;
	while (n < *len && !str_is_space((*list)[n]))
		n++;
	equals = memchr(*list, '=', n);
	a->name = *list;
	a->name_len = equals == NULL ? n : (size_t)(equals - *list);
	a->value = equals == NULL ? *list + n : equals + 1;
	a->value_len = (size_t)(*list + n - a->value);
	*list += n;
	*len -= n;
	return true;
}

bool
attributes_is_unset(const struct attribute *a)
{
	return a->value_len == 0 ||
	    str_equals(a->value, a->value_len, ATTRIBUTES_UNKNOWN) ||
	    str_equals(a->value, a->value_len, "[TEMPUNAVAIL]");
}

static int
hex_digit(char c)
{
	const char *at = c == '\0' ? NULL : strchr(HEX, c);

	return at == NULL ? -1 : (int)(at - HEX);
}

void
attributes_decode(const struct attribute *a, struct strbuf *out)
{
	const char *s = a->value, *end = s + a->value_len;

	strbuf_clear(out);
	if (attributes_is_unset(a))
		return;
	s += *s == '[';
	end -= end > s && end[-1] == ']';
	for (; s < end; s++) {
		char c = *s;

		if (c == '+' && end - s > 2 && hex_digit(s[1]) >= 0 &&
		    hex_digit(s[2]) >= 0) {
			c = (char)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
			s += 2;
		}
		if ((c >= 0 && c < ' ') || c == 0x7f)
			c = '?';
		strbuf_add(out, &c, 1);
	}
}

static bool
is_ipv6(const char *text, size_t len)
{
	struct addr addr;

	return str_begins(text, len, IPV6) &&
	    addr_parse_number(
		&addr, text + strlen(IPV6), len - strlen(IPV6), 0) == 0;
}

void
attributes_decode_address(const struct attribute *a, struct strbuf *out)
{
	struct strbuf number = {0};

	attributes_decode(a, out);
	if (!is_ipv6(strbuf_str(out), out->len))
		return;
	strbuf_puts(&number, strbuf_str(out) + strlen(IPV6));
	strbuf_clear(out);
	strbuf_add_buf(out, &number);
	strbuf_free(&number);
}

void
attributes_encode(const char *text, size_t len, struct strbuf *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		const char code[] = {'+', HEX[c >> 4], HEX[c & 15]};

		if (c > ' ' && c <= '~' && c != '+' && c != '=')
			strbuf_add(out, text + i, 1);
		else
			strbuf_add(out, code, sizeof code);
	}
}

void
attributes_encode_address(const struct addr *a, struct strbuf *out)
{
	char text[ADDR_TEXT_MAX];

	if (!addr_is_inet(a))
		return;
	if (a->u.sa.sa_family == AF_INET6)
		strbuf_puts(out, IPV6);
	strbuf_puts(out, addr_host(a, text));
}
