/*
 * Addresses of sockets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/strutil.h"

#define HOST_MAX 255 /* octets of a host name; RFC 1035 2.3.4 */
#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void
set_inet(struct addr *a, struct in_addr host, in_port_t port)
{
	*a = (struct addr){.len = sizeof a->u.in};
	a->u.in.sin_family = AF_INET;
	a->u.in.sin_addr = host;
	a->u.in.sin_port = htons(port);
}

/* Returns 0, or -1 with errno as addr_resolve has it. */
static int
look_up(const char *host, struct in_addr *out)
{
	struct addrinfo hints = {
	    .ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *res = NULL;

	if (getaddrinfo(host, NULL, &hints, &res) == 0 && res != NULL) {
		memcpy(out,
		    &((struct sockaddr_in *)(void *)res->ai_addr)->sin_addr,
		    sizeof *out);
		freeaddrinfo(res);
		return 0;
	}
	hints.ai_family = AF_INET6;
	errno = EHOSTUNREACH;
	if (getaddrinfo(host, NULL, &hints, &res) == 0) {
		freeaddrinfo(res);
		errno = EAFNOSUPPORT;
	}
	return -1;
}

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

/* Cut "host:port" at its colon; without one the host is all of it. */
static int
split_host(const char *text, char host[HOST_MAX + 1], in_port_t *port)
{
	const char *colon = strchr(text, ':');
	size_t len = colon == NULL ? strlen(text) : (size_t)(colon - text);

	if (len == 0 || len > HOST_MAX)
		return -1;
	memcpy(host, text, len);
	host[len] = '\0';
	return colon == NULL ? 0 : parse_port(colon + 1, port);
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
parse_host(struct addr_spec *spec, const char *text)
{
	char host[HOST_MAX + 1];
	struct in_addr number;

	if (split_host(text, host, &spec->port) < 0)
		return -1;
	if (inet_pton(AF_INET, host, &number) == 1) {
		set_inet(&spec->addr, number, spec->port);
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

int
addr_parse(struct addr_spec *spec, const char *text, in_port_t default_port)
{
	int rc;

	*spec = (struct addr_spec){.text = text, .port = default_port};
	if (strchr(text, '/') != NULL)
		rc = parse_path(spec, text);
	else if (text[strspn(text, DIGITS)] == '\0') {
		spec->kind = ADDR_PORT;
		rc = parse_port(text, &spec->port);
	} else
		rc = parse_host(spec, text);
	if (rc < 0)
		errno = EINVAL;
	return rc;
}

int
addr_resolve(
    const struct addr_spec *spec, const struct addr *host, struct addr *out)
{
	struct in_addr number = {.s_addr = htonl(INADDR_ANY)};
	char name[HOST_MAX + 1];
	in_port_t port = spec->port;

	switch (spec->kind) {
	case ADDR_FIXED:
		*out = spec->addr;
		return 0;
	case ADDR_PORT:
		if (host != NULL && host->len != 0 &&
		    host->u.sa.sa_family == AF_INET)
			number = host->u.in.sin_addr;
		set_inet(out, number, port);
		return 0;
	case ADDR_HOST:
		if (split_host(spec->text, name, &port) < 0)
			break;
		if (look_up(name, &number) < 0)
			return -1;
		set_inet(out, number, port);
		return 0;
	case ADDR_NONE:
		break;
	}
	errno = EHOSTUNREACH;
	return -1;
}

void
addr_set(struct addr *a, sa_family_t family, const void *number, in_port_t port)
{
	struct in6_addr host6;
	struct in_addr host;

	if (family == AF_INET6) {
		memcpy(&host6, number, sizeof host6);
		if (!IN6_IS_ADDR_V4MAPPED(&host6)) {
			*a = (struct addr){.len = sizeof a->u.in6};
			a->u.in6.sin6_family = AF_INET6;
			a->u.in6.sin6_addr = host6;
			a->u.in6.sin6_port = htons(port);
			return;
		}
		number = &host6.s6_addr[12];
	}
	memcpy(&host, number, sizeof host);
	set_inet(a, host, port);
}

int
addr_parse_number(struct addr *a, const char *text, size_t len, in_port_t port)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr number;
	sa_family_t family;

	errno = EINVAL;
	if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	family = strchr(copy, ':') == NULL ? AF_INET : AF_INET6;
	if (inet_pton(family, copy, &number) != 1)
		return -1;
	addr_set(a, family, &number, port);
	return 0;
}

in_port_t
addr_port(const struct addr *a)
{
	if (a->len == 0)
		return 0;
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return ntohs(a->u.in.sin_port);
	case AF_INET6:
		return ntohs(a->u.in6.sin6_port);
	default:
		return 0;
	}
}

bool
addr_same_host(const struct addr *a, const struct addr *b)
{
	return a->len != 0 && b->len != 0 && a->u.sa.sa_family == AF_INET &&
	    b->u.sa.sa_family == AF_INET &&
	    a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
}

/* All of 127.0.0.0/8 (RFC 1122 3.2.1.3); to connect to 0.0.0.0 leads there. */
static bool
is_loopback(const struct addr *a)
{
	in_addr_t number = ntohl(a->u.in.sin_addr.s_addr);

	return number == INADDR_ANY || number >> 24 == IN_LOOPBACKNET;
}

static bool
is_any(const struct addr *a)
{
	return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* What can be bound to is ours; also any other, if the system is set so. */
static bool
can_be_bound(const struct addr *a)
{
	struct addr any_port = *a;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool bound;

	any_port.u.in.sin_port = 0;
	bound = fd >= 0 && bind(fd, &any_port.u.sa, any_port.len) == 0;
	if (fd >= 0)
		(void)close(fd);
	return bound;
}

bool
addr_is_ours(const struct addr *a)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (a->len == 0 || a->u.sa.sa_family != AF_INET)
		return false;
	if (is_loopback(a))
		return true;
	if (getifaddrs(&all) < 0) /* it needs netlink(7) */
		return can_be_bound(a);
	for (const struct ifaddrs *i = all; i != NULL && !found;
	     i = i->ifa_next) {
		const struct sockaddr_in *in = (const void *)i->ifa_addr;

		found = in != NULL && in->sin_family == AF_INET &&
		    in->sin_addr.s_addr == a->u.in.sin_addr.s_addr;
	}
	freeifaddrs(all);
	return found;
}

/* The directory of path, and the name in it.  0, or -1 with errno. */
static int
find_directory(const char *path, struct stat *st, const char **name)
{
	char dir[ADDR_TEXT_MAX + sizeof "/."];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	*name = slash == NULL ? path : slash + 1;
	snprintf(dir, sizeof dir, "%.*s/.", (int)len, path);
	return stat(slash == NULL ? "." : dir, st);
}

/* Are they one file, or will they be when there is one? */
static bool
is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;
	const char *name_a, *name_b;

	if (find_directory(a, &sa, &name_a) == 0 &&
	    find_directory(b, &sb, &name_b) == 0 && sa.st_dev == sb.st_dev &&
	    sa.st_ino == sb.st_ino && strcmp(name_a, name_b) == 0)
		return true;
	return stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

bool
addr_reaches(const struct addr *a, const struct addr *listen)
{
	const struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};

	if (a->len == 0 || listen->len == 0 ||
	    a->u.sa.sa_family != listen->u.sa.sa_family)
		return false;
	if (a->u.sa.sa_family == AF_UNIX)
		return is_same_file(a->u.un.sun_path, listen->u.un.sun_path);
	if (a->u.in.sin_port != listen->u.in.sin_port)
		return false;
	if (is_any(listen))
		return addr_is_ours(a);
	return addr_same_host(a, listen) ||
	    (is_any(a) && listen->u.in.sin_addr.s_addr == loopback.s_addr);
}

const char *
addr_host(const struct addr *a, char *buf)
{
	buf[0] = '\0';
	if (a->len != 0 && a->u.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->u.in.sin_addr, buf, ADDR_TEXT_MAX);
	else if (a->len != 0 && a->u.sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, buf, ADDR_TEXT_MAX);
	else if (a->len > offsetof(struct sockaddr_un, sun_path) &&
	    a->u.sa.sa_family == AF_UNIX)
		snprintf(buf, ADDR_TEXT_MAX, "%.*s",
		    (int)(a->len - offsetof(struct sockaddr_un, sun_path)),
		    a->u.un.sun_path);
	return buf;
}
