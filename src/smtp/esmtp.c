/*
 * Service extensions, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/esmtp.h"

#include <stdbool.h>
#include <string.h>

#include "common/strutil.h"

#define SIZE_DIGITS_MAX 18 /* more are no limit for anybody */

/*
 * Extensions that change neither how content comes nor how many replies there
 * are.  What is not known may do either, as PRDR does, which Exim offers.
 */
static const char *const passed[] = {
    "8BITMIME", /* RFC 6152 */
    "DSN", /* RFC 3461 */
    "AUTH", /* RFC 4954 */
    "VRFY", "EXPN", "HELP", /* RFC 5321 */
    "ETRN", /* RFC 1985 */
    "SMTPUTF8", /* RFC 6531 */
    "DELIVERBY", /* RFC 2852 */
    "MT-PRIORITY", /* RFC 6710 */
    "FUTURERELEASE", /* RFC 4865 */
    "NO-SOLICITING", /* RFC 3865 */
    "LIMITS", /* RFC 9422 */
    "RRVS", /* RFC 7293 */
    "XVERP", /* Postfix VERP_README */
};

enum esmtp_keyword
esmtp_judge(const char *text, size_t len)
{
	size_t n = 0;

	str_trim(&text, &len);
	while (n < len && !str_is_space(text[n]))
		n++;
	if (str_equals(text, n, "PIPELINING"))
		return ESMTP_PIPELINING;
	if (str_equals(text, n, "SIZE"))
		return ESMTP_SIZE;
	if (str_equals(text, n, "ENHANCEDSTATUSCODES"))
		return ESMTP_CODES;
	/* Postfix XFORWARD_README, XCLIENT_README */
	if (str_equals(text, n, "XFORWARD"))
		return ESMTP_XFORWARD;
	if (str_equals(text, n, "XCLIENT"))
		return ESMTP_XCLIENT;
	/* What came before AUTH, and some clients still look for. */
	if (str_begins(text, n, "AUTH="))
		return ESMTP_PASSED;
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
		if (str_equals(text, n, passed[i]))
			return ESMTP_PASSED;
	return ESMTP_FILTERED;
}

unsigned long long
esmtp_size(const char *text, size_t len)
{
	unsigned long long size = 0;
	size_t n = strlen("SIZE"), digits = 0;

	while (n < len && str_is_space(text[n]))
		n++;
	for (; n < len && text[n] >= '0' && text[n] <= '9'; n++, digits++)
		size = size * 10 + (unsigned)(text[n] - '0');
	if (n < len && !str_is_space(text[n]))
		return 0; /* "1k" is not one octet */
	return digits > SIZE_DIGITS_MAX ? 0 : size;
}

/*
 * Parameters that would have the server do what we hide: more replies than one
 * (PRDR), content that is not lines (BINARYMIME) or does not come whole
 * (CHECKPOINT's TRANSID), a way that is encrypted to its end (REQUIRETLS).
 */
static bool
is_hidden(const char *word, size_t len)
{
	return str_equals(word, len, "PRDR") ||
	    str_equals(word, len, "BODY=BINARYMIME") ||
	    str_equals(word, len, "TRANSID") ||
	    str_begins(word, len, "TRANSID=") ||
	    str_equals(word, len, "REQUIRETLS") ||
	    str_begins(word, len, "REQUIRETLS=");
}

/* The length of the path at the head of text; a quoted blank is part of it. */
static size_t
path_length(const char *text, size_t len)
{
	bool quoted = false, angles = len > 0 && text[0] == '<';
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '\\' && quoted)
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted &&
		    (angles ? text[i] == '>' : str_is_space(text[i])))
			return i + angles;
	}
	/* Without its end all may be parameters. */
	return angles || quoted ? 0 : len;
}

bool
esmtp_hides_parameter(const char *arg, size_t len)
{
	const char *colon = memchr(arg, ':', len);
	size_t n;

	if (colon != NULL) {
		len -= (size_t)(colon - arg) + 1;
		arg = colon + 1;
	}
	str_trim(&arg, &len);
	n = path_length(arg, len);
	arg += n;
	len -= n;
	while (len > 0) {
		for (n = 0; n < len && !str_is_space(arg[n]); n++)
			;
		if (is_hidden(arg, n))
			return true;
		arg += n;
		len -= n;
		str_trim(&arg, &len);
	}
	return false;
}
