/*
 * How addresses are written.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr_spec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "common/strutil.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int
parse_port(const char *text, in_port_t *port)
{
	long n;

	if (*text == '\0' || str_number(text, 1, 65535, &n) < 0)
		return -1;
	*port = (in_port_t)n;
	return 0;
}

static int
parse_path(struct addr_spec *spec, const char *text)
{
	struct addr *a = &spec->addr;
	size_t len = strlen(text);

	/* "local:/path", "/path:25" and "./path" are mistakes. */
	if (*text != '/' || len >= sizeof a->u.un.sun_path ||
	    strchr(text, ':') != NULL)
		return -1;
	a->u.un.sun_family = AF_UNIX;
	memcpy(a->u.un.sun_path, text, len + 1);
	a->len = sizeof a->u.un;
	spec->kind = ADDR_FIXED;
	return 0;
}

/* Where the host's name or number ends, which begins at *host. */
static size_t
find_host(const char *text, const char **host)
{
	const bool in_brackets = *text == '[';

	*host = in_brackets ? text + 1 : text;
	return strcspn(*host, in_brackets ? "]" : ":");
}

/* Cut "host:port" or "[host]:port" in two; without a port the host is all. */
static int
split_host(const char *text, char name[ADDR_NAME_MAX + 1], in_port_t *port)
{
	const char *host, *rest;
	size_t len = find_host(text, &host);

	if (len == 0 || len > ADDR_NAME_MAX)
		return -1;
	memcpy(name, host, len);
	name[len] = '\0';
	rest = host + len;
	if (*text == '[' && *rest++ != ']')
		return -1;
	if (*rest == '\0')
		return 0;
	return *rest == ':' ? parse_port(rest + 1, port) : -1;
}

/* Letters, digits, '-' and, as containers have it, '_'; RFC 1123 2.1. */
static bool
is_host_name(const char *host)
{
	if (*host == '-' || *host == '.' || strstr(host, "..") != NULL)
		return false;
	return host[strspn(host, LETTERS DIGITS "-_.")] == '\0';
}

static int
parse_host(struct addr_spec *spec, const char *host)
{
	struct in_addr number;

	if (addr_parse_number(&spec->addr, host, strlen(host), spec->port) ==
	    0) {
		spec->kind = ADDR_FIXED;
		return 0;
	}
	/* 1.2.3, 0x7f.1 and the like are mistakes, though getaddrinfo takes
	 * them. */
	if (host[strspn(host, DIGITS ".")] == '\0' ||
	    inet_aton(host, &number) != 0 || !is_host_name(host))
		return -1;
	spec->kind = ADDR_HOST;
	return 0;
}

/*
 * An IPv6 number, which stood in brackets.  The interface behind a '%' may come
 * later than we, so it is looked up as a name is; one that leads no further
 * than its link means nothing without (RFC 4007 11).
 */
static int
parse_ipv6(struct addr_spec *spec, char *host)
{
	char *percent = strchr(host, '%');
	size_t scope_len = percent == NULL ? 0 : strlen(percent + 1);

	if (percent != NULL)
		*percent = '\0';
	if (strchr(host, ':') == NULL ||
	    addr_parse_number(&spec->addr, host, strlen(host), spec->port) < 0)
		return -1;
	spec->kind = percent == NULL ? ADDR_FIXED : ADDR_HOST;
	if (percent != NULL)
		return scope_len > 0 && scope_len < IF_NAMESIZE ? 0 : -1;
	return spec->addr.u.sa.sa_family == AF_INET6 &&
		IN6_IS_ADDR_LINKLOCAL(&spec->addr.u.in6.sin6_addr)
	    ? -1
	    : 0;
}

static int
parse_host_and_port(struct addr_spec *spec, const char *text)
{
	char host[ADDR_NAME_MAX + 1];

	if (split_host(text, host, &spec->port) < 0)
		return -1;
	return *text == '[' ? parse_ipv6(spec, host) : parse_host(spec, host);
}

int
addr_spec_parse(
    struct addr_spec *spec, const char *text, in_port_t default_port)
{
	int rc;

	*spec = (struct addr_spec){.text = text, .port = default_port};
	if (strchr(text, '/') != NULL)
		rc = parse_path(spec, text);
	else if (text[strspn(text, DIGITS)] == '\0') {
		spec->kind = ADDR_PORT;
		rc = parse_port(text, &spec->port);
	} else
		rc = parse_host_and_port(spec, text);
	if (rc < 0)
		errno = EINVAL;
	return rc;
}

int
addr_spec_fixed(
    const struct addr_spec *spec, const struct addr *host, struct addr *out)
{
	switch (spec->kind) {
	case ADDR_FIXED:
		*out = spec->addr;
		return 0;
	case ADDR_PORT:
		if (host != NULL && addr_is_inet(host)) {
			*out = *host;
			addr_set_port(out, spec->port);
			return 0;
		}
		return addr_parse_number(
		    out, "0.0.0.0", strlen("0.0.0.0"), spec->port);
	case ADDR_HOST:
	case ADDR_NONE:
		break;
	}
	errno = EHOSTUNREACH;
	return -1;
}

const char *
addr_spec_name(const struct addr_spec *spec, char name[ADDR_NAME_MAX + 1])
{
	in_port_t port;

	if (spec->kind != ADDR_HOST || split_host(spec->text, name, &port) < 0)
		name[0] = '\0';
	return name;
}

const char *
addr_spec_gap(const struct addr_spec *spec)
{
	return *spec->text == '[' ? "there is no such interface now"
				  : "the name is not known now";
}

const char *
addr_spec_where(const struct addr_spec *spec)
{
	return spec->where == NULL ? "default" : spec->where;
}

bool
addr_list_same(const struct addr_list *a, const struct addr_list *b)
{
	size_t i = 0;

	while (i < a->count && i < b->count &&
	    strcmp(a->spec[i].text, b->spec[i].text) == 0)
		i++;
	return i == a->count && i == b->count;
}
