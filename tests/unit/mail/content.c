/*
 * Content: what goes in comes out, plain and stuffed, whatever its size.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/content.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/conn_out.h"
#include "tests/unit/unit.h"

#define WIRE "A: b\r\n\r\n..dot\r\nstray\nline\r\n.\r\nQUIT\r\n"
#define RECEIVED "A: b\r\n\r\n.dot\r\nstray\nline\r\n"
#define PLAIN "A: b\r\n\r\n.dot\r\nstray\r\nline\r\n"
#define STUFFED "A: b\r\n\r\n..dot\r\nstray\r\nline\r\n"
#define BODY 8 /* where the body begins */
#define FIRST_LINE "Received: x\r\n"
#define LINE                                                                   \
	".xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"

static const char wire[] = WIRE, plain_text[] = PLAIN, stuffed_text[] = STUFFED;

/* The other end of a connection: it reads whenever we would have to wait. */
struct ear {
	struct waiter waiter; /* the first */
	int fd;
	struct strbuf heard;
};

static enum io
listen_on(struct waiter *self, int fd, short events, struct deadline d)
{
	struct ear *ear = (struct ear *)self;
	char buf[65536];
	ssize_t n;

	(void)fd, (void)events, (void)d;
	while ((n = read(ear->fd, buf, sizeof buf)) > 0)
		strbuf_add(&ear->heard, buf, (size_t)n);
	return IO_OK;
}

static void
expect_sent(const struct content *c, enum content_form form, off_t from,
    off_t to, struct text want)
{
	struct ear ear = {.waiter = {listen_on}};
	struct conn conn;
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	ear.fd = pair[1];
	conn_open(&conn, "TEST", pair[0], &ear.waiter, 60000);
	conn_put(&conn, "before", 6);
	assert_int_equal(content_send(c, form, from, to, &conn), IO_OK);
	assert_int_equal(conn_flush(&conn), IO_OK);
	(void)listen_on(&ear.waiter, 0, 0, (struct deadline){0});
	assert_true(ear.heard.len >= 6);
	assert_memory_equal(ear.heard.data, "before", 6);
	expect_text(want, ear.heard.data + 6, ear.heard.len - 6, want);
	conn_close(&conn);
	assert_int_equal(close(pair[1]), 0);
	strbuf_free(&ear.heard);
}

static void
comes_in_at_every_cut(void **state)
{
	static const char *const first_lines[] = {NULL, FIRST_LINE};
	const size_t used = strlen(WIRE) - strlen("QUIT\r\n");

	(void)state;
	for (size_t cut = 0; cut < 2 * used; cut++) {
		const size_t at = cut / 2;
		struct content c;

		content_open(&c, "/tmp", first_lines[cut % 2], false);
		assert_int_equal(content_take(&c, WIRE, at), at);
		assert_false(content_is_complete(&c));
		assert_int_equal(
		    content_take(&c, wire + at, strlen(wire) - at), used - at);
		assert_true(content_is_complete(&c));
		assert_int_equal(content_take(&c, "x", 1), 0);
		content_finish(&c);
		assert_false(c.failed);
		assert_true(c.dots.repaired);
		assert_int_equal(c.places.bottom, BODY - 2);
		assert_int_equal(content_size(&c), strlen(PLAIN));
		assert_int_equal(content_received(&c), strlen(RECEIVED));
		expect_sent(&c, CONTENT_PLAIN, 0, content_size(&c),
		    (struct text)T(PLAIN));
		content_close(&c);
		content_close(&c);
	}
}

/* Counted without the dots that were doubled; RFC 1870 5. */
static void
may_be_limited(void **state)
{
	const size_t used = strlen(WIRE) - strlen("QUIT\r\n");

	(void)state;
	for (unsigned long long n = 0; n <= strlen(PLAIN); n++) {
		const bool too_large = n > 0 && n < strlen(PLAIN);
		struct content c;

		content_open(&c, "/tmp", FIRST_LINE, false);
		content_limit(&c, n);
		assert_int_equal(content_take(&c, WIRE, 20), 20);
		assert_int_equal(
		    content_take(&c, WIRE + 20, strlen(WIRE) - 20), used - 20);
		assert_true(content_is_complete(&c));
		content_finish(&c);
		assert_false(c.failed);
		assert_int_equal(c.too_large, too_large);
		assert_int_equal(c.octets, strlen(PLAIN));
		if (!too_large)
			assert_int_equal(content_size(&c), strlen(PLAIN));
		content_close(&c);
	}
}

static void
goes_out_in_parts(void **state)
{
	const off_t end = strlen(PLAIN);
	struct content c;

	(void)state;
	content_open(&c, "/tmp", NULL, false);
	(void)content_take(&c, WIRE, strlen(WIRE));
	content_finish(&c);
	expect_sent(&c, CONTENT_PLAIN, 0, 0, (struct text)T(""));
	expect_sent(&c, CONTENT_STUFFED, end, end, (struct text)T(""));
	expect_sent(
	    &c, CONTENT_STUFFED, 0, BODY, (struct text)T("A: b\r\n\r\n"));
	expect_sent(&c, CONTENT_STUFFED, BODY, end,
	    (struct text){stuffed_text + BODY, strlen(stuffed_text) - BODY});
	expect_sent(&c, CONTENT_PLAIN, BODY, end,
	    (struct text){plain_text + BODY, strlen(plain_text) - BODY});
	content_close(&c);
}

/* More than there is memory for: from the file, and by sendfile(2). */
static void
goes_out_whatever_its_size(void **state)
{
	struct strbuf plain = {0}, stuffed = {0};
	struct content dots, none;

	(void)state;
	content_open(&dots, "/tmp", FIRST_LINE, true);
	content_open(&none, "/tmp", NULL, false);
	for (int i = 0; i < 5000; i++) {
		(void)content_take(&dots, "." LINE, strlen("." LINE));
		(void)content_take(&none, &LINE[1], strlen(LINE) - 1);
		strbuf_puts(&plain, LINE);
		strbuf_puts(&stuffed, "." LINE);
	}
	content_finish(&dots);
	content_finish(&none);
	expect_sent(&dots, CONTENT_PLAIN, 0, content_size(&dots),
	    (struct text){plain.data, plain.len});
	expect_sent(&dots, CONTENT_STUFFED, 0, content_size(&dots),
	    (struct text){stuffed.data, stuffed.len});
	strbuf_clear(&plain);
	for (int i = 0; i < 5000; i++)
		strbuf_puts(&plain, &LINE[1]);
	expect_sent(&none, CONTENT_STUFFED, 0, content_size(&none),
	    (struct text){plain.data, plain.len});
	content_close(&dots);
	content_close(&none);
	strbuf_free(&plain);
	strbuf_free(&stuffed);
}

/* Nothing of it must be taken for commands. */
static void
is_read_to_its_end_when_it_cannot_be_kept(void **state)
{
	struct content c;

	(void)state;
	content_open(&c, "/nonexistent", NULL, false);
	assert_true(c.failed);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(
		    content_take(&c, LINE, strlen(LINE)), strlen(LINE));
	assert_int_equal(content_take(&c, ".\r\nQUIT\r\n", 9), 3);
	assert_true(content_is_complete(&c));
	content_finish(&c);
	assert_int_equal(content_received(&c), 5000 * (strlen(LINE) - 1));
	content_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_in_at_every_cut),
	    cmocka_unit_test(may_be_limited),
	    cmocka_unit_test(goes_out_in_parts),
	    cmocka_unit_test(goes_out_whatever_its_size),
	    cmocka_unit_test(is_read_to_its_end_when_it_cannot_be_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
