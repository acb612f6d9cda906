/*
 * Fuzz target: the envelope.  Each line of the input is an argument: of MAIL
 * behind "F", of RCPT behind "T", of XFORWARD behind "X"; of the status, else.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/summary.h"
#include "tests/fuzz/fuzz.h"

static void
check_attribute(const struct strbuf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)b->data[i];

		CHECK(c >= ' ' && c != 0x7f);
	}
}

/* Every ", " parts two parts of the line: no address has one of its own. */
static void
check_summary(const struct envelope *e, struct strbuf text, size_t parts)
{
	static const struct summary_facts facts; /* the size alone */
	static const char tail[] = ", size=0";
	const struct summary s = {.text = text};
	const char *status = strbuf_str(&text);
	struct strbuf out = {0};
	size_t commas = 0, len = text.len;

	summary_line(&s, &facts, e, &out);
	if (out.len >= strlen(tail)) /* it is not all there is */
		out.len -= strlen(tail);
	else
		out.len = 0;
	CHECK(out.len <= SUMMARY_MAX);
	if (len > 0 && len <= SUMMARY_MAX / 2) {
		CHECK(out.len >= len);
		CHECK(memcmp(out.data + out.len - len, status, len) == 0);
	}
	for (size_t i = 0; i + 1 < out.len; i++)
		commas += memcmp(out.data + i, ", ", 2) == 0;
	for (size_t i = 0; i + 1 < len; i++)
		parts += memcmp(status + i, ", ", 2) == 0;
	/* One more is for what was left out. */
	CHECK(commas <= parts + 1);
	strbuf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;
	struct strbuf status = {0}, text = {0};
	struct envelope e = {0};
	size_t parts = 0, recipients = 0;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf == NULL ? end : lf) - p);

		if (n > 0 && *p == 'F') {
			envelope_add_sender(&e, p + 1, n - 1);
			parts++;
		} else if (n > 0 && *p == 'T') {
			if (!envelope_is_full(&e, n - 1))
				envelope_add_recipient(&e, p + 1, n - 1);
			else
				envelope_refuse_recipient(&e);
			recipients++;
		} else if (n > 0 && *p == 'X')
			envelope_add_xforward(&e, p + 1, n - 1);
		else {
			strbuf_clear(&status);
			strbuf_add(&status, p, n);
		}
		p += lf == NULL ? n : n + 1;
	}
	CHECK(e.recipients + e.refused == recipients);
	check_attribute(&e.remote);
	check_attribute(&e.remote_helo);
	check_summary(&e, status, parts + recipients);
	envelope_get_sender(&e, &text);
	envelope_get_recipients(&e, &text);
	envelope_clear(&e);
	strbuf_free(&status);
	strbuf_free(&text);
	return 0;
}
