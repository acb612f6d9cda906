/*
 * Small questions about strings.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/strutil.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
str_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void
str_trim(const char **s, size_t *len)
{
	while (*len > 0 && str_is_space((*s)[0])) {
		(*s)++;
		(*len)--;
	}
	while (*len > 0 && str_is_space((*s)[*len - 1]))
		(*len)--;
}

/* tolower(3) would ask the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The octets that s and word have in common at their heads. */
static size_t
common_length(const char *s, size_t len, const char *word)
{
	size_t n = 0;

	while (n < len && word[n] != '\0' && lower(s[n]) == lower(word[n]))
		n++;
	return n;
}

bool
str_begins(const char *s, size_t len, const char *word)
{
	return word[common_length(s, len, word)] == '\0';
}

bool
str_equals(const char *s, size_t len, const char *word)
{
	const size_t n = common_length(s, len, word);

	return n == len && word[n] == '\0';
}

int
str_number(const char *s, long min, long max, long *value)
{
	char *end;
	int saved = errno;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (*end != '\0') {
		errno = EINVAL;
		return -1;
	}
	if (errno == ERANGE || n < min || n > max) {
		errno = ERANGE;
		return -1;
	}
	errno = saved;
	*value = n;
	return 0;
}

int
str_boolean(const char *s)
{
	static const char *const words[2][4] = {
	    {"off", "no", "false", "0"},
	    {"on", "yes", "true", "1"},
	};

	for (int value = 0; value < 2; value++)
		for (size_t i = 0; i < 4; i++)
			if (str_equals(s, strlen(s), words[value][i]))
				return value;
	return -1;
}

/*
 * The octets of the UTF-8 character at s, 0 if there is none; RFC 3629 4 has no
 * form that is longer than needed, and no surrogates.
 */
static size_t
utf8_length(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n == 0 || n > len || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

void
str_mask_controls(char *text, size_t len)
{
	unsigned char *s = (unsigned char *)text;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_length(s + i, len - i);
		if (n > 0) {
			/* U+0080 to U+009F */
			if (s[i] == 0xc2 && s[i + 1] < 0xa0)
				s[i] = s[i + 1] = '?';
			continue;
		}
		n = 1;
		if (s[i] < ' ' || (s[i] >= 0x7f && s[i] < 0xa0))
			s[i] = '?';
	}
}
