/*
 * Fuzz target: what a server is told with XCLIENT.  The first line of the input
 * is what it offers, the second the client's greeting, the third its address,
 * the rest any text.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/xclient.h"

#include "src/smtp/attributes.h"
#include "src/smtp/smtp_command.h"
#include "tests/fuzz/fuzz.h"

struct text {
	const char *p;
	size_t len;
};

static struct text
next_line(const char **p, const char *end)
{
	const char *start = *p;
	const char *lf =
	    start == end ? NULL : memchr(start, '\n', (size_t)(end - start));

	*p = lf == NULL ? end : lf + 1;
	return (struct text){start, (size_t)((lf == NULL ? end : lf) - start)};
}

/* What is encoded has no octet that means something, and decodes to itself. */
static void
check_xtext(struct text t)
{
	struct strbuf encoded = {0}, decoded = {0};
	struct attribute a = {.name = "", .name_len = 0};

	attributes_encode(t.p, t.len, &encoded);
	for (size_t i = 0; i < encoded.len; i++)
		CHECK(encoded.data[i] > ' ' && encoded.data[i] <= '~' &&
		    encoded.data[i] != '=');
	a.value = strbuf_str(&encoded);
	a.value_len = encoded.len;
	attributes_decode(&a, &decoded);
	if (t.len > 0 && t.p[0] != '[' && t.p[t.len - 1] != ']') {
		CHECK(decoded.len == t.len);
		for (size_t i = 0; i < t.len; i++)
			CHECK(decoded.data[i] == t.p[i] ||
			    (decoded.data[i] == '?' &&
				((t.p[i] >= 0 && t.p[i] < ' ') ||
				    t.p[i] == 0x7f)));
	}
	strbuf_free(&encoded);
	strbuf_free(&decoded);
}

/* A command of nothing but attributes of the set, which none has twice. */
static void
check_command(const struct strbuf *line, unsigned *told, unsigned offered)
{
	const char *list = strbuf_str(line);
	size_t len = line->len;
	struct attribute a;

	CHECK(len + 2 <= XCLIENT_LINE_MAX);
	CHECK(memcmp(list, "XCLIENT ", 8) == 0);
	list += 8;
	len -= 8;
	for (size_t i = 0; i < len; i++)
		CHECK(list[i] >= ' ' && list[i] <= '~');
	while (attributes_next(&list, &len, &a)) {
		unsigned bit = xclient_offered(a.name, a.name_len);

		CHECK(bit != 0 && (bit & offered) == bit && (bit & *told) == 0);
		CHECK(a.value_len > 0);
		CHECK(memchr(a.value, '=', a.value_len) == NULL);
		*told |= bit;
	}
}

static void
check_list(struct text list)
{
	struct strbuf out = {0};
	struct attribute a;

	while (attributes_next(&list.p, &list.len, &a)) {
		attributes_decode_address(&a, &out);
		for (size_t i = 0; i < out.len; i++) {
			unsigned char c = (unsigned char)out.data[i];

			CHECK(c >= ' ' && c != 0x7f);
		}
		CHECK(!attributes_is_unset(&a) || out.len == 0);
	}
	strbuf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;
	struct text offer, hello, number;
	struct addr client = {0};
	struct xclient_facts facts = {
	    .client = &client, .destination = &client};
	struct strbuf line = {0};
	unsigned offered, left, told = 0, commands = 0;

	if (size == 0)
		return 0;
	offer = next_line(&p, end);
	hello = next_line(&p, end);
	number = next_line(&p, end);
	(void)addr_parse_number(&client, number.p, number.len, 25);
	facts.hello = hello.p;
	facts.hello_len = hello.len;
	left = offered = xclient_offered(offer.p, offer.len);
	while (xclient_next(&left, &facts, &line)) {
		CHECK(++commands <= 7);
		check_command(&line, &told, offered);
	}
	CHECK(left == 0);
	CHECK((offered & ~told & XCLIENT_NAME) == 0);
	check_xtext(hello);
	check_list((struct text){p, (size_t)(end - p)});
	strbuf_free(&line);
	return 0;
}
