/*
 * XCLIENT, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/xclient.h"

#include <stdio.h>
#include <string.h>

#include "common/strutil.h"
#include "src/smtp/attributes.h"
#include "src/smtp/smtp_command.h"

#define COMMAND "XCLIENT"
#define HELO_MAX 255 /* octets of a host name; RFC 1035 2.3.4 */
#define TEXT_MAX (XCLIENT_LINE_MAX - 2)

/* In the order in which they are told. */
static const struct {
	const char *name;
	enum xclient bit;
} attributes[] = {
    {"NAME", XCLIENT_NAME},
    {"ADDR", XCLIENT_ADDR},
    {"PORT", XCLIENT_PORT},
    {"DESTADDR", XCLIENT_DESTADDR},
    {"DESTPORT", XCLIENT_DESTPORT},
    {"PROTO", XCLIENT_PROTO},
    {"HELO", XCLIENT_HELO},
};

#define COUNT (sizeof attributes / sizeof attributes[0])

unsigned
xclient_offered(const char *text, size_t len)
{
	struct attribute word;
	unsigned set = 0;

	while (attributes_next(&text, &len, &word))
		for (size_t i = 0; i < COUNT; i++)
			if (str_equals(
				word.name, word.name_len, attributes[i].name))
				set |= attributes[i].bit;
	return set;
}

static void
put_port(const struct addr *a, struct strbuf *value)
{
	char text[sizeof "65535"];

	if (addr_port(a) == 0)
		return;
	snprintf(text, sizeof text, "%u", (unsigned)addr_port(a));
	strbuf_puts(value, text);
}

/* What the attribute says; empty where that is not known. */
static void
put_value(
    enum xclient bit, const struct xclient_facts *facts, struct strbuf *value)
{
	const struct smtp_command hello =
	    smtp_command_parse(facts->hello, facts->hello_len);

	switch (bit) {
	case XCLIENT_NAME:
		strbuf_puts(value, ATTRIBUTES_UNKNOWN);
		break;
	case XCLIENT_ADDR:
		attributes_encode_address(facts->client, value);
		break;
	case XCLIENT_PORT:
		put_port(facts->client, value);
		break;
	case XCLIENT_DESTADDR:
		attributes_encode_address(facts->destination, value);
		break;
	case XCLIENT_DESTPORT:
		put_port(facts->destination, value);
		break;
	case XCLIENT_PROTO:
		strbuf_puts(value,
		    str_equals(hello.verb, hello.verb_len, "HELO") ? "SMTP"
								   : "ESMTP");
		break;
	case XCLIENT_HELO:
		/* Postfix refuses more, and what else was told with it. */
		if (hello.arg_len <= HELO_MAX)
			attributes_encode(hello.arg, hello.arg_len, value);
		break;
	}
}

/* Append " NAME=value".  False: there is no room, but there is on another line. */
static bool
add(const char *name, const struct strbuf *value, struct strbuf *line)
{
	size_t len = 1 + strlen(name) + 1 + value->len;

	if (value->len == 0 || strlen(COMMAND) + len > TEXT_MAX)
		return true;
	if (line->len + len > TEXT_MAX)
		return false;
	strbuf_puts(line, " ");
	strbuf_puts(line, name);
	strbuf_puts(line, "=");
	strbuf_add_buf(line, value);
	return true;
}

bool
xclient_next(
    unsigned *set, const struct xclient_facts *facts, struct strbuf *line)
{
	bool room = true;

	strbuf_clear(line);
	strbuf_puts(line, COMMAND);
	for (size_t i = 0; i < COUNT && room; i++) {
		struct strbuf value = {0};

		if ((*set & attributes[i].bit) == 0)
			continue;
		put_value(attributes[i].bit, facts, &value);
		room = add(attributes[i].name, &value, line);
		if (room)
			*set &= ~(unsigned)attributes[i].bit;
		strbuf_free(&value);
	}
	return line->len > strlen(COMMAND) && !line->failed;
}
