/*
 * Fuzz target: clamd's answer.  Its first line tells what was scanned.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/verdict.h"
#include "tests/fuzz/fuzz.h"

/* Does p, of len octets, say what was scanned: "fd[11]", where that is one? */
static bool
is_subject(const char *p, size_t len, const char *subject)
{
	size_t digits = 0;

	if (strcmp(subject, VERDICT_DESCRIPTOR) != 0)
		return len > 0 && len == strlen(subject) &&
		    memcmp(p, subject, len) == 0;
	if (len < 5 || memcmp(p, "fd[", 3) != 0 || p[len - 1] != ']')
		return false;
	while (p[3 + digits] >= '0' && p[3 + digits] <= '9')
		digits++;
	return digits == len - 4;
}

/* The one answer that means clean. */
static bool
is_clean(const char *p, size_t len, const char *subject)
{
	return len > 5 && is_subject(p, len - 5, subject) &&
	    memcmp(p + len - 5, ": OK", 4) == 0 &&
	    (p[len - 1] == '\n' || p[len - 1] == '\0');
}

static bool
has_found(const char *p, size_t len)
{
	for (size_t i = 0; i + 6 <= len; i++)
		if (memcmp(p + i, " FOUND", 6) == 0)
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *lf = size == 0 ? NULL : memchr(data, '\n', size);
	size_t line = lf == NULL ? 0 : (size_t)(lf - data);
	size_t len = lf == NULL ? size : size - line - 1;
	const char *answer = (const char *)data + size - len;
	char *subject = malloc(line + 1);
	struct verdict v;

	CHECK(subject != NULL);
	memcpy(subject, data, line);
	subject[line] = '\0';
	v = verdict_parse(answer, len, subject);
	CHECK(is_within(v.line, v.line_len, answer, len));
	CHECK((v.verdict == SCAN_CLEAN) == is_clean(answer, len, subject));
	CHECK(v.verdict != SCAN_INFECTED ||
	    (has_found(answer, len) && verdict_is_complete(answer, len)));
	if (v.named) {
		CHECK(v.verdict == SCAN_INFECTED);
		CHECK(is_within(v.name, v.name_len, v.line, v.line_len));
	}
	free(subject);
	return 0;
}
