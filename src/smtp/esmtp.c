/*
 * Service extensions, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/esmtp.h"

#include "common/strutil.h"

/* Extensions by which content or roles would escape the scan. */
static const char *const filtered[] = {
    "CHUNKING", /* RFC 3030: content by BDAT */
    "BINARYMIME", /* RFC 3030: needs BDAT */
    "CHECKPOINT", /* RFC 1845: content in parts */
    "X-ANONYMOUSTLS", "VERB", "STARTTLS", /* RFC 3207 */
    "XEXCH50", /* binary data behind a command */
    "BURL", /* RFC 4468: content fetched by the server */
    "TURN", "ATRN", /* RFC 1985, RFC 2645: roles exchanged */
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
	if (str_equals(text, n, "XCLIENT"))
		return ESMTP_XCLIENT;
	for (size_t i = 0; i < sizeof filtered / sizeof filtered[0]; i++)
		if (str_equals(text, n, filtered[i]))
			return ESMTP_FILTERED;
	return ESMTP_PASSED;
}
