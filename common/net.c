/*
 * Networks.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/net.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/strutil.h"

#define UNIX "unix"
#define MAPPED_BITS                                                            \
	96 /* before an IPv4 number in an IPv6 one; RFC 4291 2.5.5.2 */

/* The host number of a, *bits of them; NULL when it has none. */
static const unsigned char *
number_of(const struct addr *a, unsigned *bits)
{
	const void *number = NULL;

	*bits = 0;
	if (a->len == 0)
		return NULL;
	if (a->u.sa.sa_family == AF_INET) {
		number = &a->u.in.sin_addr;
		*bits = sizeof a->u.in.sin_addr * CHAR_BIT;
	} else if (a->u.sa.sa_family == AF_INET6) {
		number = &a->u.in6.sin6_addr;
		*bits = sizeof a->u.in6.sin6_addr * CHAR_BIT;
	}
	return number;
}

/* The i-th bit of a number. */
static int
bit(const unsigned char *number, unsigned i)
{
	return number[i / CHAR_BIT] >> (CHAR_BIT - 1 - i % CHAR_BIT) & 1;
}

static bool
is_first(const struct net *n)
{
	unsigned bits;
	const unsigned char *number = number_of(&n->first, &bits);

	for (unsigned i = n->bits; i < bits; i++)
		if (bit(number, i) != 0)
			return false;
	return true;
}

/* The number of bits behind the slash, of an address that was written with max. */
static int
parse_bits(struct net *n, const char *text, unsigned max)
{
	unsigned real;
	long bits;

	(void)number_of(&n->first, &real);
	if (*text == '\0' || str_number(text, 0, (long)max, &bits) < 0)
		return -1;
	n->bits = (unsigned)bits;
	if (real == max)
		return 0;
	if (n->bits < MAPPED_BITS)
		return -1;
	n->bits -= MAPPED_BITS;
	return 0;
}

int
net_parse(struct net *n, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	bool colon = memchr(text, ':', len) != NULL;

	*n = (struct net){0};
	if (str_equals(text, strlen(text), UNIX)) {
		n->first.len = sizeof n->first.u.sa.sa_family;
		n->first.u.sa.sa_family = AF_UNIX;
		return 0;
	}
	if (colon && len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (addr_parse_number(&n->first, text, len, 0) < 0)
		return -1;
	(void)number_of(&n->first, &n->bits);
	if (slash != NULL && parse_bits(n, slash + 1, colon ? 128 : 32) < 0) {
		errno = EINVAL;
		return -1;
	}
	errno = EDOM;
	return is_first(n) ? 0 : -1;
}

bool
net_contains(const struct net *n, const struct addr *a)
{
	unsigned bits;
	const unsigned char *first = number_of(&n->first, &bits), *number;
	struct addr plain = *a;

	if (a->len == 0 || n->first.len == 0)
		return false;
	if (first == NULL)
		return a->u.sa.sa_family == AF_UNIX;
	/* A socket may show an IPv4 address as one of IPv6. */
	if (a->u.sa.sa_family == AF_INET6)
		addr_set(&plain, AF_INET6, &a->u.in6.sin6_addr, 0);
	if (plain.u.sa.sa_family != n->first.u.sa.sa_family)
		return false;
	number = number_of(&plain, &bits);
	for (unsigned i = 0; i < n->bits; i++)
		if (bit(number, i) != bit(first, i))
			return false;
	return true;
}

bool
net_list_contains(const struct net_list *l, const struct addr *a)
{
	for (size_t i = 0; i < l->count; i++)
		if (net_contains(&l->nets[i], a))
			return true;
	return false;
}

bool
net_is_local(const struct addr *a)
{
	static const char *const local[] = {UNIX, "127.0.0.0/8", "::1"};
	struct net n;

	for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
		if (net_parse(&n, local[i]) == 0 && net_contains(&n, a))
			return true;
	return false;
}
