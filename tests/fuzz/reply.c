/*
 * Fuzz target: reply lines.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/smtp_reply.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	struct smtp_reply_line r = smtp_reply_parse(line, size);

	CHECK(is_within(r.text, r.text_len, line, size));
	CHECK(r.code == 0 || (r.code >= 100 && r.code <= 999));
	if (r.code == 0) {
		CHECK(r.last && r.text == line && r.text_len == size);
		return 0;
	}
	CHECK(size >= 3 &&
	    r.code == atoi((char[]){line[0], line[1], line[2], 0}));
	CHECK(r.last == (size == 3 || line[3] != '-'));
	CHECK(smtp_reply_is_positive(r.code) == (line[0] == '2'));
	return 0;
}
