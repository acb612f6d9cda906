/*
 * Buffered connections, over a pair of sockets.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/conn_line.h"
#include "common/conn_out.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define WAIT_MS 20000 /* more than any machine needs */

struct pair {
	struct conn conn;
	int peer;
};

static void
open_pair(struct pair *p, struct waiter *waiter)
{
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	conn_open(&p->conn, "TEST", fds[0], waiter, WAIT_MS);
	p->peer = fds[1];
}

static void
close_pair(struct pair *p)
{
	conn_close(&p->conn);
	if (p->peer >= 0)
		assert_int_equal(close(p->peer), 0);
}

static void
peer_says(struct pair *p, const char *data, size_t len)
{
	assert_int_equal(send(p->peer, data, len, MSG_NOSIGNAL), len);
}

/* Write down all lines that are there: [text], or CUT. */
static void
take_lines(struct conn *c, struct strbuf *seen)
{
	struct line line;

	while (conn_line(c, &line)) {
		if (line.cut) {
			strbuf_puts(seen, "CUT");
			continue;
		}
		strbuf_puts(seen, "[");
		strbuf_add(seen, line.data, line.len);
		strbuf_puts(seen, "]");
	}
}

/* Let the peer say it, and read it all. */
static void
hear(struct pair *p, const char *data, size_t len, struct strbuf *seen)
{
	while (len > 0) {
		size_t n = len < 2000 ? len : 2000;

		peer_says(p, data, n);
		assert_int_equal(conn_read(&p->conn), IO_OK);
		take_lines(&p->conn, seen);
		data += n;
		len -= n;
	}
}

static const struct {
	struct text in;
	struct text lines;
} line_cases[] = {
    {T("a\r\n"), T("[a]")},
    {T("a\n"), T("[a]")},
    {T("\r\n"), T("[]")},
    {T("\n"), T("[]")},
    {T("a\r\nb\nc"), T("[a][b]")},
    {T("a\r\r\n"), T("[a\r]")},
    {T("a\rb\r\n"), T("[a\rb]")},
    {T("\r"), T("")},
    {T("\n\r\n\r"), T("[][]")},
    {T("a\0b\r\n\0\n"), T("[a\0b][\0]")},
    {T("one\r\ntwo\r\nthree\r\n"), T("[one][two][three]")},
};

static void
takes_lines_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(line_cases); i++) {
		const struct text in = line_cases[i].in;

		for (size_t cut = 0; cut <= in.len; cut++) {
			struct strbuf seen = {0};
			struct pair p;

			open_pair(&p, NULL);
			hear(&p, in.p, cut, &seen);
			hear(&p, in.p + cut, in.len - cut, &seen);
			expect_text(in, strbuf_str(&seen), seen.len,
			    line_cases[i].lines);
			close_pair(&p);
			strbuf_free(&seen);
		}
	}
}

/* A line of len octets with its end, then a short one; cut at cut. */
static void
expect_long_line(size_t len, const char *end, size_t cut, bool is_cut)
{
	size_t text = len - strlen(end), total = len + 3;
	struct strbuf in = {0}, seen = {0}, want = {0};
	struct pair p;

	while (in.len < text)
		strbuf_puts(&in, "x");
	strbuf_puts(&in, end);
	strbuf_puts(&in, "y\r\n");
	if (is_cut)
		strbuf_puts(&want, "CUT[y]");
	else {
		strbuf_puts(&want, "[");
		strbuf_add(&want, in.data, text);
		strbuf_puts(&want, "][y]");
	}
	open_pair(&p, NULL);
	hear(&p, in.data, cut, &seen);
	hear(&p, in.data + cut, total - cut, &seen);
	expect_text((struct text){in.data, total}, strbuf_str(&seen), seen.len,
	    (struct text){want.data, want.len});
	close_pair(&p);
	strbuf_free(&in);
	strbuf_free(&seen);
	strbuf_free(&want);
}

static void
lines_have_a_limit(void **state)
{
	(void)state;
	for (size_t cut = CONN_LINE_MAX - 4; cut <= CONN_LINE_MAX + 4; cut++) {
		expect_long_line(CONN_LINE_MAX - 1, "\r\n", cut - 2, false);
		expect_long_line(CONN_LINE_MAX, "\r\n", cut - 2, false);
		expect_long_line(CONN_LINE_MAX + 1, "\r\n", cut, true);
		expect_long_line(CONN_LINE_MAX + 1, "\n", cut, true);
		expect_long_line(CONN_LINE_MAX + 5, "\r\n", cut, true);
		expect_long_line(3 * CONN_INPUT_SIZE, "\r\n", cut, true);
		expect_long_line(
		    3 * CONN_INPUT_SIZE, "\r\n", cut + CONN_INPUT_SIZE, true);
	}
}

static void
another_limit_can_be_set(void **state)
{
	char line[CONN_LINE_MAX + 101];

	(void)state;
	memset(line, 'x', sizeof line);
	for (size_t n = sizeof line - 1; n <= sizeof line; n++) {
		struct strbuf seen = {0};
		struct pair p;

		memcpy(line + n - 2, "\r\n", 2);
		open_pair(&p, NULL);
		conn_set_line_max(&p.conn, sizeof line - 1);
		hear(&p, line, n - 1, &seen);
		hear(&p, line + n - 1, 1, &seen);
		assert_int_equal(
		    seen.len, n == sizeof line ? strlen("CUT") : n);
		close_pair(&p);
		strbuf_free(&seen);
	}
}

/* However long a line is, no more than its beginning is kept. */
static void
endless_lines_take_no_memory(void **state)
{
	struct strbuf seen = {0};
	char junk[4000];
	struct pair p;
	size_t len;

	(void)state;
	open_pair(&p, NULL);
	memset(junk, 'x', sizeof junk);
	for (int i = 0; i < 100; i++) {
		hear(&p, junk, sizeof junk, &seen);
		(void)conn_peek(&p.conn, &len);
		assert_true(len <= CONN_LINE_MAX);
		assert_true(conn_has_room(&p.conn));
	}
	assert_int_equal(
	    conn_skipped(&p.conn), 100 * sizeof junk - CONN_LINE_MAX);
	hear(&p, "\r\nNOOP\r\n", 8, &seen);
	assert_string_equal(strbuf_str(&seen), "CUT[NOOP]");
	assert_int_equal(conn_skipped(&p.conn), 0);
	close_pair(&p);
	strbuf_free(&seen);
}

/* What was said before the cut line is not in what is told of it. */
static void
a_cut_line_shows_its_own_beginning(void **state)
{
	struct strbuf in = {0};
	struct line line;
	struct pair p;

	(void)state;
	open_pair(&p, NULL);
	strbuf_puts(&in, "first\r\nSECOND");
	while (in.len < 8000)
		strbuf_puts(&in, "z");
	strbuf_puts(&in, "\r\n");
	peer_says(&p, in.data, in.len);
	assert_int_equal(conn_read(&p.conn), IO_OK);
	assert_true(conn_line(&p.conn, &line));
	assert_int_equal(line.len, 5);
	assert_true(conn_line(&p.conn, &line));
	assert_true(line.cut);
	assert_true(line.len < CONN_LINE_MAX);
	assert_memory_equal(line.data, "SECONDzz", 8);
	assert_false(conn_line(&p.conn, &line));
	close_pair(&p);
	strbuf_free(&in);
}

static void
peeks_and_consumes(void **state)
{
	struct pair p;
	size_t len;

	(void)state;
	open_pair(&p, NULL);
	(void)conn_peek(&p.conn, &len);
	assert_int_equal(len, 0);
	peer_says(&p, "abcdef", 6);
	assert_int_equal(conn_read(&p.conn), IO_OK);
	assert_memory_equal(conn_peek(&p.conn, &len), "abcdef", 6);
	assert_int_equal(len, 6);
	conn_consume(&p.conn, 4);
	assert_memory_equal(conn_peek(&p.conn, &len), "ef", 2);
	peer_says(&p, "gh", 2);
	assert_int_equal(conn_read(&p.conn), IO_OK);
	assert_memory_equal(conn_peek(&p.conn, &len), "efgh", 4);
	conn_consume(&p.conn, 4);
	(void)conn_peek(&p.conn, &len);
	assert_int_equal(len, 0);
	conn_rest(&p.conn);
	close_pair(&p);
}

/* Read n octets, which the peer has said, and forget them. */
static void
skip_bulk(struct pair *p, size_t n)
{
	size_t len;

	while (n > 0) {
		(void)conn_peek(&p->conn, &len);
		if (len > n)
			len = n;
		conn_consume(&p->conn, len);
		n -= len;
		if (n > 0)
			assert_int_equal(
			    conn_fill_bulk(&p->conn, deadline_in(WAIT_MS)),
			    IO_OK);
	}
}

/* A line, bulk, and lines again, at every cut: as a session reads DATA. */
static void
lines_follow_bulk(void **state)
{
	static const char in[] = "DATA\r\nxxxxxQUIT\r\n";
	const size_t total = sizeof in - 1;

	(void)state;
	for (size_t cut = 6; cut <= total; cut++) {
		struct strbuf seen = {0};
		struct pair p;
		struct line line;

		open_pair(&p, NULL);
		peer_says(&p, in, cut);
		assert_int_equal(conn_read(&p.conn), IO_OK);
		assert_true(conn_line(&p.conn, &line));
		assert_memory_equal(line.data, "DATA", 4);
		conn_set_input_size(&p.conn, CONN_INPUT_MAX);
		if (cut < 11) {
			skip_bulk(&p, cut - 6);
			peer_says(&p, in + cut, total - cut);
			skip_bulk(&p, 11 - cut);
		} else {
			skip_bulk(&p, 5);
			peer_says(&p, in + cut, total - cut);
		}
		conn_set_input_size(&p.conn, CONN_INPUT_SIZE);
		take_lines(&p.conn, &seen);
		assert_int_equal(conn_read(&p.conn), IO_OK);
		take_lines(&p.conn, &seen);
		assert_string_equal(strbuf_str(&seen), "[QUIT]");
		close_pair(&p);
		strbuf_free(&seen);
	}
}

static void
tells_the_end_of_input(void **state)
{
	struct strbuf seen = {0};
	struct pair p;

	(void)state;
	open_pair(&p, NULL);
	assert_int_equal(conn_read(&p.conn), IO_OK);
	peer_says(&p, "a\r\nb", 4);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	assert_int_equal(conn_read(&p.conn), IO_OK);
	assert_int_equal(conn_read(&p.conn), IO_EOF);
	take_lines(&p.conn, &seen);
	assert_string_equal(strbuf_str(&seen), "[a]");
	close_pair(&p);
	strbuf_free(&seen);
}

static void
fills_until_the_deadline(void **state)
{
	struct pair p;
	size_t len;

	(void)state;
	open_pair(&p, NULL);
	assert_int_equal(conn_fill(&p.conn, deadline_in(0)), IO_TIMEOUT);
	assert_int_equal(conn_fill_bulk(&p.conn, deadline_in(0)), IO_TIMEOUT);
	peer_says(&p, "a", 1);
	assert_int_equal(conn_fill(&p.conn, deadline_in(WAIT_MS)), IO_OK);
	peer_says(&p, "b", 1);
	assert_int_equal(conn_fill_bulk(&p.conn, deadline_in(0)), IO_OK);
	assert_memory_equal(conn_peek(&p.conn, &len), "ab", 2);
	assert_int_equal(close(p.peer), 0);
	p.peer = -1;
	assert_int_equal(conn_fill(&p.conn, deadline_in(WAIT_MS)), IO_EOF);
	assert_int_equal(conn_fill_bulk(&p.conn, deadline_in(0)), IO_EOF);
	close_pair(&p);
}

/* All that has reached the peer, which must be want. */
static void
expect_heard(struct pair *p, const char *want, size_t len)
{
	char *got = malloc(len + 1);

	assert_non_null(got);
	assert_int_equal(recv(p->peer, got, len + 1, 0), len);
	assert_memory_equal(got, want, len);
	free(got);
}

static void
sends_when_it_is_flushed(void **state)
{
	struct pair p;
	char octet;

	(void)state;
	open_pair(&p, NULL);
	assert_int_equal(conn_flush(&p.conn), IO_OK);
	conn_put(&p.conn, "a\0b", 3);
	conn_put_line(&p.conn, "c", 1);
	conn_put_line(&p.conn, "", 0);
	assert_int_equal(recv(p.peer, &octet, 1, 0), -1);
	assert_int_equal(conn_flush(&p.conn), IO_OK);
	expect_heard(&p, "a\0bc\r\n\r\n", 8);
	conn_put(&p.conn, "d", 1);
	conn_lend(&p.conn, (char[]){"ef"}, 2);
	conn_lend(&p.conn, (char[]){"gh"}, 2);
	assert_int_equal(conn_send(&p.conn, true), IO_OK);
	expect_heard(&p, "defgh", 5);
	assert_int_equal(conn_flush(&p.conn), IO_OK);
	assert_int_equal(recv(p.peer, &octet, 1, 0), -1);
	close_pair(&p);
}

static void
tells_that_the_peer_has_gone(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, NULL);
	assert_int_equal(close(p.peer), 0);
	p.peer = -1;
	conn_put(&p.conn, "a", 1);
	errno = 0;
	assert_int_equal(conn_flush(&p.conn), IO_ERROR);
	assert_int_equal(errno, EPIPE);
	close_pair(&p);
}

/* A waiter that reads for the peer while the daemon waits for room. */
struct reader {
	struct waiter waiter;
	struct pair *pair;
	size_t heard;
	bool stalls; /* does not read, so the wait ends */
	enum io end; /* by this */
};

static enum io
read_for_peer(struct waiter *waiter, int fd, short events, struct deadline d)
{
	struct reader *r =
	    (void *)((char *)waiter - offsetof(struct reader, waiter));
	char junk[65536];
	ssize_t n;

	(void)events;
	(void)d;
	assert_int_equal(fd, r->pair->conn.fd);
	if (r->stalls)
		return r->end;
	while ((n = recv(r->pair->peer, junk, sizeof junk, 0)) > 0) {
		for (ssize_t i = 0; i < n; i++, r->heard++)
			assert_int_equal(junk[i], (char)(r->heard % 251));
	}
	return IO_OK;
}

static char *
make_pattern(size_t len)
{
	char *data = malloc(len);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i % 251);
	return data;
}

#define MUCH ((size_t)2 << 20) /* octets; more than a socket takes at once */

static void
sends_much_while_the_peer_reads(void **state)
{
	struct reader r = {.waiter = {.wait = read_for_peer}};
	char *data = make_pattern(MUCH);
	struct pair p;
	size_t third = MUCH / 3;

	(void)state;
	r.pair = &p;
	open_pair(&p, &r.waiter);
	conn_put(&p.conn, data, third);
	conn_lend(&p.conn, data + third, third);
	conn_lend(&p.conn, data + 2 * third, MUCH - 2 * third);
	assert_int_equal(conn_flush(&p.conn), IO_OK);
	(void)read_for_peer(&r.waiter, p.conn.fd, 0, (struct deadline){0});
	assert_int_equal(r.heard, MUCH);
	close_pair(&p);
	free(data);
}

static void
sends_files(void **state)
{
	struct reader r = {.waiter = {.wait = read_for_peer}};
	char *data = make_pattern(MUCH), path[] = "/tmp/clamsmtpd-unit.XXXXXX";
	const size_t skip = 251 * 4; /* the pattern begins anew there */
	int fd = mkstemp(path);
	struct pair p;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(write(fd, data, MUCH), MUCH);
	r.pair = &p;
	open_pair(&p, &r.waiter);
	conn_put(&p.conn, data, 251);
	assert_int_equal(
	    conn_sendfile(&p.conn, fd, (off_t)skip, (off_t)(MUCH - skip)),
	    IO_OK);
	(void)read_for_peer(&r.waiter, p.conn.fd, 0, (struct deadline){0});
	assert_int_equal(r.heard, 251 + MUCH - skip);
	/* It is an error when the file ends before its time. */
	errno = 0;
	assert_int_equal(
	    conn_sendfile(&p.conn, fd, (off_t)(MUCH - 251), 252), IO_ERROR);
	assert_int_equal(errno, EIO);
	close_pair(&p);
	assert_int_equal(close(fd), 0);
	free(data);
}

static void
gives_up_as_the_waiter_says(void **state)
{
	static const enum io ends[] = {IO_TIMEOUT, IO_CANCELLED, IO_ERROR};
	char *data = make_pattern(MUCH);

	(void)state;
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct reader r = {.waiter = {.wait = read_for_peer},
		    .stalls = true,
		    .end = ends[i]};
		struct pair p;

		r.pair = &p;
		open_pair(&p, &r.waiter);
		conn_put(&p.conn, data, MUCH);
		assert_int_equal(conn_flush(&p.conn), ends[i]);
		close_pair(&p);
	}
	free(data);
}

/* clamd may refuse while it is still being told: no use in going on. */
static void
an_early_answer_ends_the_sending(void **state)
{
	struct reader r = {
	    .waiter = {.wait = read_for_peer}, .stalls = true, .end = IO_OK};
	char *data = make_pattern(MUCH);
	struct pair p;
	size_t len;

	(void)state;
	r.pair = &p;
	open_pair(&p, &r.waiter);
	conn_expect_early_answer(&p.conn, true);
	peer_says(&p, "no\n", 3);
	conn_put(&p.conn, data, MUCH);
	assert_int_equal(conn_flush(&p.conn), IO_EOF);
	assert_memory_equal(conn_peek(&p.conn, &len), "no\n", 3);
	assert_int_equal(len, 3);
	close_pair(&p);
	free(data);
}

static void
closes_as_often_as_one_likes(void **state)
{
	struct conn zeroed = {0};
	struct pair p;

	(void)state;
	assert_false(conn_is_open(&zeroed));
	conn_close(&zeroed);
	open_pair(&p, NULL);
	assert_true(conn_is_open(&p.conn));
	peer_says(&p, "a", 1);
	assert_int_equal(conn_read(&p.conn), IO_OK);
	conn_put(&p.conn, "b", 1);
	conn_close(&p.conn);
	assert_false(conn_is_open(&p.conn));
	conn_close(&p.conn);
	close_pair(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_lines_at_every_cut),
	    cmocka_unit_test(lines_have_a_limit),
	    cmocka_unit_test(another_limit_can_be_set),
	    cmocka_unit_test(endless_lines_take_no_memory),
	    cmocka_unit_test(a_cut_line_shows_its_own_beginning),
	    cmocka_unit_test(peeks_and_consumes),
	    cmocka_unit_test(lines_follow_bulk),
	    cmocka_unit_test(tells_the_end_of_input),
	    cmocka_unit_test(fills_until_the_deadline),
	    cmocka_unit_test(sends_when_it_is_flushed),
	    cmocka_unit_test(tells_that_the_peer_has_gone),
	    cmocka_unit_test(sends_much_while_the_peer_reads),
	    cmocka_unit_test(sends_files),
	    cmocka_unit_test(gives_up_as_the_waiter_says),
	    cmocka_unit_test(an_early_answer_ends_the_sending),
	    cmocka_unit_test(closes_as_often_as_one_likes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
