/*
 * Command lines of SMTP, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/smtp_command.h"

#include <string.h>
#include <strings.h>

#include "common/strutil.h"

struct smtp_command
smtp_command_parse(const char *line, size_t len)
{
	struct smtp_command c = {.line = line, .len = len};
	size_t n = 0;

	str_trim(&line, &len);
	while (n < len && !str_is_space(line[n]))
		n++;
	c.verb = line;
	c.verb_len = n;
	c.arg = line + n;
	c.arg_len = len - n;
	str_trim(&c.arg, &c.arg_len);
	return c;
}

bool
smtp_command_has_stray(const char *line, size_t len)
{
	return memchr(line, '\0', len) != NULL ||
	    memchr(line, '\r', len) != NULL;
}

int
smtp_command_bdat_size(
    const char *arg, size_t arg_len, unsigned long long *octets)
{
	unsigned long long n = 0;
	size_t i;

	for (i = 0; i < arg_len && arg[i] >= '0' && arg[i] <= '9'; i++) {
		if (i >= 18)
			return -1;
		n = n * 10 + (unsigned)(arg[i] - '0');
	}
	if (i == 0 || (i < arg_len && !str_is_space(arg[i])))
		return -1;
	*octets = n;
	return 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
may_be_in_verb(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-';
}

bool
smtp_command_is_malformed(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && is_blank(line[i]))
		i++;
	while (i < len && may_be_in_verb(line[i]))
		i++;
	return i < len && !is_blank(line[i]);
}

static bool
is_among(const char *const *words, size_t count, const char *word, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (str_equals(word, len, words[i]))
			return true;
	return false;
}

bool
smtp_command_is_http(const struct smtp_command *c)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT",
	    "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
	/* Of SMTP, but the server's business alone. */
	static const char *const passed[] = {
	    "NOOP", "HELP", "VRFY", "EXPN", "ETRN", "SEND", "SOML", "SAML"};

	if (is_among(methods, sizeof methods / sizeof methods[0], c->verb,
		c->verb_len))
		return true;
	if (is_among(
		passed, sizeof passed / sizeof passed[0], c->verb, c->verb_len))
		return false;
	for (size_t i = 0; i < c->arg_len; i++)
		if (str_begins(c->arg + i, c->arg_len - i, "HTTP/"))
			return true;
	return false;
}

enum smtp_behind
smtp_command_behind(enum smtp_behind at_most, bool pipelining)
{
	return at_most == SMTP_BEHIND_ANYTHING && !pipelining ? SMTP_BEHIND_QUIT
							      : at_most;
}

static bool
is_quit_line(const char *line, size_t len)
{
	struct smtp_command c = smtp_command_parse(line, len);

	return str_equals(c.verb, c.verb_len, "QUIT");
}

/* Is it QUIT, or may it become that? */
static bool
begins_quit(const char *unread, size_t len)
{
	const struct smtp_command c = smtp_command_parse(unread, len);

	return c.verb_len <= strlen("QUIT") &&
	    strncasecmp(c.verb, "QUIT", c.verb_len) == 0;
}

bool
smtp_command_may_wait(enum smtp_behind behind, const char *unread, size_t len)
{
	const char *lf;

	if (behind >= SMTP_BEHIND_ANYTHING || len == 0)
		return true;
	if (behind == SMTP_BEHIND_NOTHING)
		return false;
	lf = memchr(unread, '\n', len);
	return lf == NULL ? begins_quit(unread, len)
			  : is_quit_line(unread, (size_t)(lf - unread));
}

bool
smtp_command_finds_quit(const char *unread, size_t len)
{
	const char *lf;

	while ((lf = memchr(unread, '\n', len)) != NULL) {
		if (is_quit_line(unread, (size_t)(lf - unread)))
			return true;
		len -= (size_t)(lf - unread) + 1;
		unread = lf + 1;
	}
	return false;
}
