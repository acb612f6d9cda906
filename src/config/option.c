/*
 * The values of options, one setter a type.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/option.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/addr_spec.h"
#include "common/net.h"
#include "common/strutil.h"

#define SECONDS_MAX (INT_MAX / 1000) /* that fit as milliseconds */
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* of UTF-8; RFC 3629 6 */
#define PORT_HINT "a port is a number from 1 to 65535"
#define IPV6_COLONS_MIN 5 /* "0:0:0:0:0:192.0.2.1" has them; RFC 4291 2.2 */

const char *
option_byte_order_mark(const char *text)
{
	return str_begins(text, strlen(text), BYTE_ORDER_MARK)
	    ? "save the file without a byte order mark"
	    : NULL;
}

const char *
option_common_mistake(const char *text)
{
	const char *mark = option_byte_order_mark(text);

	if (mark != NULL)
		return mark;
	if (*text == '"' || *text == '\'')
		return "without quotes";
	if (strstr(text, " #") != NULL || strstr(text, "\t#") != NULL)
		return "a comment needs a line of its own";
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > '~')
			return "there is an octet in it that is not ASCII";
	return NULL;
}

const char *
option_text(const struct option *o, const char *value, void *field)
{
	if (o->required && *value == '\0')
		return o->hint;
	*(const char **)field = value;
	return NULL;
}

const char *
option_path(const struct option *o, const char *value, void *field)
{
	if (*value != '\0' && *value != '/')
		return "paths are absolute: use one that begins with /";
	/* No file would be meant to have such a name. */
	if (strstr(value, " #") != NULL)
		return o->hint;
	return option_text(o, value, field);
}

const char *
option_number(const struct option *o, const char *value, void *field)
{
	long n;

	if (str_number(value, o->min, o->max, &n) < 0)
		return o->hint;
	*(int *)field = (int)n;
	return NULL;
}

const char *
option_seconds(const struct option *o, const char *value, void *field)
{
	long n = LONG_MAX; /* for what is beyond any long */

	if (str_number(value, LONG_MIN, LONG_MAX, &n) < 0 &&
	    (errno != ERANGE || strchr(value, '-') != NULL))
		return o->hint;
	if (n < o->min)
		return o->hint;
	*(int *)field = (int)(n < SECONDS_MAX ? n : SECONDS_MAX) * 1000;
	return NULL;
}

const char *
option_boolean(const struct option *o, const char *value, void *field)
{
	int b = str_boolean(value);

	if (b < 0)
		return o->hint;
	*(bool *)field = b == 1;
	return NULL;
}

const char *
option_word(const struct option *o, const char *value, void *field)
{
	for (int i = 0; o->words[i] != NULL; i++)
		if (str_equals(value, strlen(value), o->words[i])) {
			/* The type of the enum is known to the table alone. */
			memcpy(field, &i, sizeof i);
			return NULL;
		}
	return o->hint;
}

/* Does somebody mean an IPv6 address, in whatever form it is written? */
static bool
is_ipv6(const char *value)
{
	size_t colons = 0;

	for (const char *c = value; *c != '\0'; c++)
		colons += *c == ':';
	return *value != '/' &&
	    (strstr(value, "::") != NULL || colons >= IPV6_COLONS_MIN ||
		str_begins(value, strlen(value), "inet6:"));
}

/* "LocalSocket /run/clamd", as clamd.conf has it, or "unix:/run/clamd". */
static bool
is_word_and_path(const char *value)
{
	const size_t word = strcspn(value, " \t:/");
	const char *path = value + word + strspn(value + word, " \t:");

	return word > 0 && path > value + word && path[0] == '/' &&
	    path[1] != '/';
}

/* Is there a port, behind the one colon or alone, that is none? */
static bool
is_port_wrong(const char *value)
{
	const char *bracket = *value == '[' ? strchr(value, ']') : NULL;
	const char *colon = strchr(bracket == NULL ? value : bracket, ':');
	const char *port = colon == NULL ? value : colon + 1;
	long n;

	if (colon == NULL ? value[strspn(value, "0123456789")] != '\0'
			  : colon == value || strpbrk(port, ":/") != NULL)
		return false;
	return *value != '\0' &&
	    (*port == '\0' || str_number(port, 1, 65535, &n) < 0);
}

static const char *
ipv6_hint(const char *value)
{
	if (*value == '[' && is_port_wrong(value))
		return PORT_HINT;
	return str_begins(value, strlen(value), "[fe80:") &&
		strchr(value, '%') == NULL
	    ? "name its interface, as in [fe80::1%eth0]:25"
	    : "write IPv6 as in [2001:db8::1]:25";
}

static const char *
address_hint(const struct option *o, const char *value)
{
	if (is_ipv6(value))
		return ipv6_hint(value);
	if (is_word_and_path(value))
		return "use the path alone";
	if (strlen(value) >= ADDR_TEXT_MAX && *value == '/')
		return "the path of a socket is not as long";
	if (strchr(value, '/') != NULL && strchr(value, ':') == NULL)
		return "paths are absolute: use one that begins with /";
	if (is_port_wrong(value))
		return PORT_HINT;
	return o->hint;
}

const char *
option_address(const struct option *o, const char *value, void *field)
{
	struct addr_spec spec;

	if (addr_spec_parse(&spec, value, o->port) < 0)
		return address_hint(o, value);
	*(struct addr_spec *)field = spec;
	return NULL;
}

const char *
option_add_address(const struct option *o, const char *value, void *field)
{
	struct addr_list *list = field;
	struct addr_spec spec;
	const char *hint = option_address(o, value, &spec);

	if (hint != NULL)
		return hint;
	if (list->count == ADDR_LIST_MAX)
		return "there are too many; 16 are enough";
	list->spec[list->count++] = spec;
	return NULL;
}

const char *
option_add_net(const struct option *o, const char *value, void *field)
{
	struct net_list *list = field;
	struct net n;

	if (net_parse(&n, value) < 0)
		return errno == EDOM
		    ? "the address has more bits than the number behind it"
		    : o->hint;
	if (list->count == NET_LIST_MAX)
		return "there are too many; 64 are enough";
	list->nets[list->count++] = n;
	return NULL;
}
