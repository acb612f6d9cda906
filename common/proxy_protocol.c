/*
 * The header that a balancer puts before a connection, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/proxy_protocol.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* Version 1: a line (2.1). */
#define WORD "PROXY "

/* Version 2 (2.2): a signature, and behind it these octets. */
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_LEN (sizeof SIGNATURE - 1)
#define COMMAND SIGNATURE_LEN
#define FAMILY (COMMAND + 1)
#define LENGTH (FAMILY + 1) /* two octets */
#define ADDRESSES (LENGTH + 2)

/* The command: version 2 in the high half. */
#define LOCAL 0x20
#define PROXY 0x21

/* The family, and in the low half the kind of socket. */
#define UNSPECIFIED 0x00
#define IPV4_STREAM 0x11
#define IPV4_DATAGRAM 0x12
#define IPV6_STREAM 0x21
#define IPV6_DATAGRAM 0x22
#define UNIX_STREAM 0x31
#define UNIX_DATAGRAM 0x32

/* Do the len octets agree with word, as far as there are any? */
static bool
may_become(const char *data, size_t len, const char *word, size_t word_len)
{
	return memcmp(data, word, len < word_len ? len : word_len) == 0;
}

/* Take the next word, which one blank ends, off the line. */
static const char *
next_word(const char **line, size_t *left, size_t *len)
{
	const char *word = *line;
	const char *blank = memchr(word, ' ', *left);

	*len = blank == NULL ? *left : (size_t)(blank - word);
	*line += *len + (blank != NULL);
	*left -= *len + (blank != NULL);
	return word;
}

static int
next_address(
    const char **line, size_t *left, sa_family_t family, struct addr *a)
{
	size_t len;
	const char *word = next_word(line, left, &len);
	const bool colon = memchr(word, ':', len) != NULL;

	return colon == (family == AF_INET6)
	    ? addr_parse_number(a, word, len, 0)
	    : -1;
}

/* A decimal number without leading zeros. */
static int
next_port(const char **line, size_t *left, in_port_t *port)
{
	size_t len;
	const char *word = next_word(line, left, &len);
	unsigned n = 0;

	if (len == 0 || len > 5 || (len > 1 && word[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return -1;
		n = n * 10 + (unsigned)(word[i] - '0');
	}
	*port = (in_port_t)n;
	return n <= USHRT_MAX ? 0 : -1;
}

/* What stands behind "PROXY ". */
static enum proxy_protocol
parse_words(const char *line, size_t left, struct proxy_protocol_header *h)
{
	in_port_t client, destination;
	sa_family_t family = AF_INET;
	size_t len;
	const char *word = next_word(&line, &left, &len);

	if (len == 7 && memcmp(word, "UNKNOWN", 7) == 0)
		return PROXY_PROTOCOL_KEEP;
	if (len != 4 || memcmp(word, "TCP", 3) != 0)
		return PROXY_PROTOCOL_BAD;
	if (word[3] == '6')
		family = AF_INET6;
	else if (word[3] != '4')
		return PROXY_PROTOCOL_BAD;
	if (next_address(&line, &left, family, &h->client) < 0 ||
	    next_address(&line, &left, family, &h->destination) < 0 ||
	    next_port(&line, &left, &client) < 0 ||
	    next_port(&line, &left, &destination) < 0 || left > 0 ||
	    line[-1] == ' ')
		return PROXY_PROTOCOL_BAD;
	addr_set_port(&h->client, client);
	addr_set_port(&h->destination, destination);
	return PROXY_PROTOCOL_CLIENT;
}

static enum proxy_protocol
parse_line(const char *data, size_t len, struct proxy_protocol_header *h)
{
	const size_t word_len = sizeof WORD - 1;
	size_t seen =
	    len < PROXY_PROTOCOL_LINE_MAX ? len : PROXY_PROTOCOL_LINE_MAX;
	const char *lf = memchr(data, '\n', seen);

	if (!may_become(data, len, WORD, word_len))
		return PROXY_PROTOCOL_BAD;
	if (lf == NULL)
		return len < PROXY_PROTOCOL_LINE_MAX ? PROXY_PROTOCOL_MORE
						     : PROXY_PROTOCOL_BAD;
	h->len = (size_t)(lf - data) + 1;
	if (h->len < word_len + 2 || lf[-1] != '\r')
		return PROXY_PROTOCOL_BAD;
	return parse_words(data + word_len, h->len - word_len - 2, h);
}

static size_t
number(const char *p)
{
	return (size_t)((unsigned char)p[0] << CHAR_BIT | (unsigned char)p[1]);
}

/* The addresses of a stream: client, destination, and their ports. */
static void
take_addresses(const char *p, sa_family_t family, size_t size,
    struct proxy_protocol_header *h)
{
	const char *ports = p + 2 * size;

	addr_set(&h->client, family, p, (in_port_t)number(ports));
	addr_set(
	    &h->destination, family, p + size, (in_port_t)number(ports + 2));
}

/* The header of a connection that is passed on; it is there as a whole. */
static enum proxy_protocol
take_family(const char *data, struct proxy_protocol_header *h)
{
	switch ((unsigned char)data[FAMILY]) {
	case IPV4_STREAM:
		take_addresses(
		    data + ADDRESSES, AF_INET, sizeof(struct in_addr), h);
		return PROXY_PROTOCOL_CLIENT;
	case IPV6_STREAM:
		take_addresses(
		    data + ADDRESSES, AF_INET6, sizeof(struct in6_addr), h);
		return PROXY_PROTOCOL_CLIENT;
	default:
		return PROXY_PROTOCOL_KEEP;
	}
}

/* Octets of the addresses of this family and kind; -1: there is no such. */
static int
addresses_size(char family)
{
	switch ((unsigned char)family) {
	case UNSPECIFIED:
		return 0;
	case IPV4_STREAM:
	case IPV4_DATAGRAM:
		return 2 * (4 + 2);
	case IPV6_STREAM:
	case IPV6_DATAGRAM:
		return 2 * (16 + 2);
	case UNIX_STREAM:
	case UNIX_DATAGRAM:
		return 2 * 108;
	default:
		return -1;
	}
}

static enum proxy_protocol
parse_octets(const char *data, size_t len, struct proxy_protocol_header *h)
{
	bool local;
	int wanted;
	size_t size;

	if (!may_become(data, len, SIGNATURE, SIGNATURE_LEN))
		return PROXY_PROTOCOL_BAD;
	if (len < ADDRESSES)
		return PROXY_PROTOCOL_MORE;
	local = data[COMMAND] == LOCAL;
	/* The balancer's own connection has nothing to tell but itself. */
	wanted = local ? 0 : addresses_size(data[FAMILY]);
	size = number(data + LENGTH);
	if ((!local && data[COMMAND] != PROXY) || wanted < 0 ||
	    size < (size_t)wanted ||
	    size > (size_t)wanted + PROXY_PROTOCOL_TLVS_MAX)
		return PROXY_PROTOCOL_BAD;
	h->len = ADDRESSES + size;
	if (len < h->len)
		return PROXY_PROTOCOL_MORE;
	return local ? PROXY_PROTOCOL_LOCAL : take_family(data, h);
}

enum proxy_protocol
proxy_protocol_parse(
    const char *data, size_t len, struct proxy_protocol_header *h)
{
	*h = (struct proxy_protocol_header){0};
	if (len == 0)
		return PROXY_PROTOCOL_MORE;
	return data[0] == *WORD ? parse_line(data, len, h)
				: parse_octets(data, len, h);
}
