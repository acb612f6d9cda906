/*
 * Fuzz target: the place of a header line, and the line.  The first line of
 * the input is a template, what follows is mail as a client would send it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/dotstuff.h"
#include "src/mail/header.h"
#include "src/mail/header_line.h"
#include "tests/fuzz/fuzz.h"

static void
scan(struct header_scan *s, const char *p, size_t len, size_t piece)
{
	*s = (struct header_scan){0};
	for (size_t pos = 0; pos < len; pos += piece)
		header_scan_feed(
		    s, p + pos, len - pos < piece ? len - pos : piece);
	header_scan_finish(s);
	CHECK(s->state == HEADER_FOUND);
}

static void
check_place(const char *p, size_t len, off_t place)
{
	size_t at = (size_t)place;

	if (place < 0) {
		CHECK(place == -1);
		return;
	}
	CHECK(at <= len);
	CHECK(at == 0 || (at >= 2 && memcmp(p + at - 2, "\r\n", 2) == 0));
	/* What follows must not continue what is added. */
	CHECK(at == len || (p[at] != ' ' && p[at] != '\t'));
	/* What is added must not come behind an empty line. */
	for (size_t i = 0; i + 4 <= at; i++)
		CHECK(memcmp(p + i, "\r\n\r\n", 4) != 0);
	CHECK(at == 0 || memcmp(p, "\r\n", 2) != 0);
}

static void
check_content(const char *p, size_t len)
{
	struct header_scan whole, parts;

	scan(&whole, p, len, len + 1);
	scan(&parts, p, len, 1);
	CHECK(whole.top == parts.top && whole.bottom == parts.bottom);
	check_place(p, len, whole.top);
	check_place(p, len, whole.bottom);
	CHECK(whole.bottom < 0 || whole.top <= whole.bottom);
}

/* What passes for valid fields can be nothing else, whatever a client's name. */
static void
check_template(const char *template, const char *client)
{
	const struct header_line_symbols symbols = {
	    .client_ip = client, .local_ip = "", .zone_name = "UTC"};
	struct strbuf text = {0}, unknown = {0};
	const char *s;

	header_line_expand(template, &symbols, &text, &unknown);
	strbuf_free(&unknown);
	s = strbuf_str(&text);
	CHECK(text.len == 0 || memcmp(s + text.len - 2, "\r\n", 2) == 0);
	CHECK((text.len == 0) == (*template == '\0'));
	if (header_line_is_valid(s, text.len)) {
		CHECK(memchr(s, ':', text.len) != NULL);
		for (size_t i = 0; i < text.len; i++) {
			CHECK(s[i] != '\0');
			CHECK((s[i] == '\n') == (i > 0 && s[i - 1] == '\r'));
		}
		CHECK(memcmp(s, "\r\n", 2) != 0 && *s != ' ' && *s != '\t');
		CHECK(strstr(s, "\r\n\r\n") == NULL);
		CHECK(strstr(s, "\n.") == NULL && *s != '.');
	}
	strbuf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *lf = size == 0 ? NULL : memchr(data, '\n', size);
	size_t line = lf == NULL ? size : (size_t)(lf - data);
	size_t rest = lf == NULL ? 0 : size - line - 1, n;
	char *template = malloc(line + 1), *in = malloc(rest + 5);
	char *content = malloc(2 * rest + 10 + DOT_DECODE_ROOM);
	struct dot_decoder d = {0};

	CHECK(template != NULL && in != NULL && content != NULL);
	memcpy(template, data, line);
	template[line] = '\0';
	memcpy(in, data + size - rest, rest);
	in[rest] = '\0';
	check_template(template, "192.0.2.1");
	check_template(template, in);
	memcpy(in, data + size - rest, rest);
	memcpy(in + rest, "\r\n.\r\n", 5);
	(void)dot_decode(
	    &d, in, rest + 5, content, 2 * rest + 10 + DOT_DECODE_ROOM, &n);
	CHECK(d.state == DOT_END);
	check_content(content, n);
	free(template);
	free(in);
	free(content);
	return 0;
}
