/*
 * What of the dialogue must not be logged.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/secrets.h"

#include "common/strutil.h"

/* The commands that clients send, whether we know them or only the server. */
static const char *const commands[] = {"EHLO", "HELO", "LHLO", "MAIL", "RCPT",
    "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "ETRN",
    "STARTTLS", "XCLIENT", "XFORWARD"};

/* Registered with IANA, or in use.  A password must not look like a name. */
static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5",
    "DIGEST-MD5", "NTLM", "GSSAPI", "GSS-SPNEGO", "EXTERNAL", "ANONYMOUS",
    "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512"};

#define IS_ONE_OF(word, len, words)                                            \
	is_one_of(word, len, words, sizeof(words) / sizeof((words)[0]))

static bool
is_one_of(const char *word, size_t len, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_equals(word, len, words[i]))
			return true;
	return false;
}

/* Octets of blanks, or of what is not blank, at the beginning. */
static size_t
span(const char *s, size_t len, bool blanks)
{
	size_t n = 0;

	while (n < len && str_is_space(s[n]) == blanks)
		n++;
	return n;
}

/* Of a line that begins with AUTH, from octet `start` on. */
static size_t
shown_of_auth(const char *line, size_t len, size_t start)
{
	size_t verb = start + sizeof "AUTH" - 1;
	size_t blanks = span(line + verb, len - verb, true);
	size_t name = verb + blanks;
	size_t n = span(line + name, len - name, false);

	if (name == len)
		return len;
	if (blanks == 0 || !IS_ONE_OF(line + name, n, mechanisms))
		return verb;
	return name + n + span(line + name + n, len - name - n, true);
}

/*
 * Where AUTH stands in a line: in front, whatever follows it, or as a word
 * behind octets that a server may overlook.  len: nowhere.
 */
static size_t
find_auth(const char *line, size_t len)
{
	const size_t verb = sizeof "AUTH" - 1;
	size_t start = span(line, len, true);

	for (size_t i = start; i + verb <= len; i++)
		if (str_begins(line + i, len - i, "AUTH") &&
		    (i == start ||
			(i + verb < len && str_is_space(line[i + verb]))))
			return i;
	return len;
}

static size_t
shown_of_command(struct secrets *s, const char *line, size_t len)
{
	size_t start = span(line, len, true), auth = find_auth(line, len);
	size_t n = span(line + start, len - start, false);

	if (auth < len) {
		s->auth = true;
		return shown_of_auth(line, len, auth);
	}
	return s->auth && !IS_ONE_OF(line + start, n, commands) ? 0 : len;
}

size_t
secrets_shown_of_client(void *secrets, char way, const char *line, size_t len)
{
	struct secrets *s = secrets;

	if (way == '>')
		return len;
	s->told = s->asked;
	s->asked = false;
	return s->told ? 0 : shown_of_command(s, line, len);
}

size_t
secrets_shown_of_upstream(void *secrets, char way, const char *line, size_t len)
{
	struct secrets *s = secrets;
	bool told = s->told;

	if (way == '<') {
		s->asked = s->asked || str_begins(line, len, "334");
		return len;
	}
	s->told = false;
	return told ? 0 : shown_of_command(s, line, len);
}
