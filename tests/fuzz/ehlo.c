/*
 * Fuzz target: the lines of an EHLO reply; none that the client is shown
 * offers what would bypass the scan.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <strings.h>

#include "src/smtp/esmtp.h"
#include "src/smtp/smtp_reply.h"
#include "tests/fuzz/fuzz.h"

/* How a careless client would read the keyword. */
static bool
offers(const char *text, size_t len, const char *keyword)
{
	static const char space[] = " \t\v\f\r";
	size_t n = strlen(keyword);

	while (len > 0 && memchr(space, text[0], sizeof space - 1) != NULL) {
		text++;
		len--;
	}
	return len >= n && strncasecmp(text, keyword, n) == 0 &&
	    (len == n || memchr(space, text[n], sizeof space - 1) != NULL);
}

static void
judge_line(const char *line, size_t len)
{
	static const char *const banned[] = {"CHUNKING", "BINARYMIME",
	    "CHECKPOINT", "STARTTLS", "XEXCH50", "XCLIENT", "BURL"};
	struct smtp_reply_line r = smtp_reply_parse(line, len);
	enum esmtp_keyword k = esmtp_judge(r.text, r.text_len);

	if (k == ESMTP_PIPELINING)
		CHECK(offers(r.text, r.text_len, "PIPELINING"));
	if (k == ESMTP_SIZE)
		CHECK(esmtp_size(r.text, r.text_len) < 1000000000000000000);
	if (k != ESMTP_FILTERED && k != ESMTP_XCLIENT)
		for (size_t i = 0; i < sizeof banned / sizeof banned[0]; i++)
			CHECK(!offers(r.text, r.text_len, banned[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf == NULL ? end : lf) - p);

		judge_line(p, n);
		p += lf == NULL ? n : n + 1;
	}
	return 0;
}
