/*
 * Command lines of SMTP, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/smtp_command.h"

#include <string.h>

#include "common/strutil.h"

/*
 * Why SMTP_REFUSED: STARTTLS and X-ANONYMOUSTLS would hide the mail from us.
 * XEXCH50 is followed by binary data.  BURL (RFC 4468) makes the server fetch
 * content by itself, TURN and ATRN (RFC 821, RFC 2645) make it send mail over
 * this connection.  VERB lets it add lines that are no replies.
 */
static const struct {
	const char *name;
	enum smtp_verb verb;
} verbs[] = {
    {"EHLO", SMTP_EHLO},
    {"HELO", SMTP_HELO},
    {"MAIL", SMTP_MAIL},
    {"RCPT", SMTP_RCPT},
    {"DATA", SMTP_DATA},
    {"RSET", SMTP_RSET},
    {"QUIT", SMTP_QUIT},
    {"AUTH", SMTP_AUTH},
    {"XFORWARD", SMTP_XFORWARD},
    {"XCLIENT", SMTP_XCLIENT},
    {"BDAT", SMTP_BDAT},
    {"STARTTLS", SMTP_REFUSED},
    {"XEXCH50", SMTP_REFUSED},
    {"BURL", SMTP_REFUSED},
    {"TURN", SMTP_REFUSED},
    {"ATRN", SMTP_REFUSED},
    {"X-ANONYMOUSTLS", SMTP_REFUSED},
    {"VERB", SMTP_REFUSED},
};

static enum smtp_verb
find_verb(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (str_equals(word, len, verbs[i].name))
			return verbs[i].verb;
	return SMTP_OTHER;
}

struct smtp_command
smtp_command_parse(const char *line, size_t len)
{
	struct smtp_command c = {0};
	size_t n = 0;

	str_trim(&line, &len);
	while (n < len && !str_is_space(line[n]))
		n++;
	c.verb = find_verb(line, n);
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

bool
smtp_command_may_be_followed(enum smtp_verb verb)
{
	return verb == SMTP_MAIL || verb == SMTP_RCPT || verb == SMTP_RSET;
}
