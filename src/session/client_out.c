/*
 * What the client is told.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/client_out.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/conn_out.h"

#define TEXT_LOST " (text lost for want of memory)"
#define CONCLUDED_AT_ONCE 256 /* replies of our own that are put and not sent */
#define DRAIN_MAX 65536 /* octets of a client that are read at the end */

void
client_say(struct client *c, enum answer answer)
{
	const char *text = answers_text(answer, c->codes);

	conn_put_line(&c->conn, text, strlen(text));
}

void
client_use_codes(struct client *c, bool codes)
{
	c->codes = codes;
}

void
client_owe(struct client *c, unsigned long n)
{
	c->due = n;
}

static void
pay(struct client *c)
{
	if (c->due > 0)
		c->due--;
}

void
client_conclude(struct client *c, enum answer answer)
{
	do {
		client_say(c, answer);
		pay(c);
		if (c->due % CONCLUDED_AT_ONCE == CONCLUDED_AT_ONCE - 1)
			client_flush(c);
	} while (c->due > 0);
}

void
client_relay(struct client *c, const char *line, size_t len)
{
	const char *end = line + len;

	conn_log(&c->conn, '>', line, len);
	for (const char *p = line; p < end; p++) {
		if (*p != '\0' && *p != '\r')
			continue;
		conn_put(&c->conn, line, (size_t)(p - line));
		conn_put(&c->conn, "?", 1);
		line = p + 1;
	}
	conn_put(&c->conn, line, (size_t)(end - line));
	conn_put(&c->conn, "\r\n", 2);
}

/* Without memory for more the client still learns what counts. */
static void
relay_code(struct client *c, int code)
{
	char line[sizeof "999" TEXT_LOST];

	snprintf(line, sizeof line, "%d" TEXT_LOST, code);
	conn_put_line(&c->conn, line, strlen(line));
}

void
client_relay_reply(struct client *c, int code, const struct strbuf *text)
{
	const char *p = strbuf_str(text), *end = p + text->len;

	pay(c);
	if (text->failed || conn_reserve(&c->conn, text->len) < 0) {
		relay_code(c, code);
		return;
	}
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf == NULL ? end : lf) - p);

		client_relay(c, p, n > 0 && p[n - 1] == '\r' ? n - 1 : n);
		p += n + 1;
	}
}

void
client_flush(struct client *c)
{
	if (conn_flush(&c->conn) != IO_OK)
		client_leave(c, CLIENT_LOST);
}

static void
drain(struct client *c)
{
	char junk[1024];
	size_t drained = 0;
	ssize_t n;

	(void)shutdown(c->conn.fd, SHUT_WR);
	do {
		n = recv(c->conn.fd, junk, sizeof junk, 0);
		drained += n > 0 ? (size_t)n : 0;
	} while (n > 0 && drained < DRAIN_MAX);
}

/* What is said then needs no memory. */
static void
say_no_memory(struct client *c)
{
	char line[128];
	int len = snprintf(line, sizeof line, "%s\r\n",
	    answers_text(ANSWER_NO_MEMORY, c->codes));

	(void)send(c->conn.fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
client_close(struct client *c, enum answer last_word)
{
	if (last_word == ANSWER_NO_MEMORY)
		client_leave(c, CLIENT_NO_MEMORY);
	else if (last_word != ANSWER_NONE)
		client_conclude(c, last_word);
	if (c->end == CLIENT_NO_MEMORY || conn_has_failed(&c->conn))
		say_no_memory(c);
	else if (conn_flush(&c->conn) == IO_OK && !c->eof &&
	    c->end != CLIENT_QUIT)
		drain(c);
	conn_close(&c->conn);
}
