/*
 * The mail server: commands go out, replies come in.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/upstream.h"

#include <errno.h>
#include <string.h>

#include "common/conn_line.h"
#include "common/conn_out.h"
#include "common/log.h"

const struct exchange upstream_unheard = {.name = "unheard"};

int
upstream_connect(struct upstream *u, const struct target *target,
    struct waiter *waiter, int connect_ms, int timeout_ms,
    const struct exchange *greeting)
{
	const struct addr *addr = &target->addr;
	int fd = sock_connect(addr, waiter, deadline_in(connect_ms));

	*u = (struct upstream){
	    .addr = *addr, .name = target->name, .barrier = true};
	addr_host(addr, u->ip);
	if (fd < 0)
		return -1;
	log_debug("SERVER connected to: %s", u->ip);
	conn_open(&u->conn, "SERVER", fd, waiter, timeout_ms);
	conn_set_line_max(&u->conn, SMTP_AUTH_LINE_MAX + 2);
	if (pending_push(&u->pending, greeting, "", 0) < 0)
		upstream_lose(u, UPSTREAM_UNTOLD);
	return 0;
}

static void
lose_count(struct upstream *u)
{
	log_error("out of memory");
	upstream_lose(u, UPSTREAM_UNTOLD);
}

void
upstream_ask(struct upstream *u, const struct exchange *exchange,
    const struct smtp_command *c, bool alone)
{
	conn_put_line(&u->conn, c->line, c->len);
	/* Without PIPELINING a QUIT behind it waits, too. */
	u->barrier = alone || !u->pipelines;
	if (pending_push(&u->pending, exchange, c->arg, c->arg_len) < 0)
		lose_count(u);
}

void
upstream_ask_own(
    struct upstream *u, const struct exchange *exchange, const char *line)
{
	const struct smtp_command c = {
	    .line = line, .len = strlen(line), .arg = ""};

	if (u->pipelines || !upstream_owes_reply(u)) {
		upstream_ask(u, exchange, &c, true);
		return;
	}
	u->held = exchange;
	u->held_line = line;
	u->barrier = true;
}

void
upstream_queue_answer(struct upstream *u, enum answer answer)
{
	if (pending_push_answer(&u->pending, answer) < 0)
		lose_count(u);
}

struct pending
upstream_take(struct upstream *u)
{
	const struct pending taken = pending_take(&u->pending);
	const struct exchange *held = u->held;

	if (held != NULL && pending_is_empty(&u->pending)) {
		u->held = NULL;
		upstream_ask_own(u, held, u->held_line);
	}
	return taken;
}

bool
upstream_drop_unsent(struct upstream *u)
{
	u->held = NULL;
	return conn_drop(&u->conn);
}

bool
upstream_owes_reply(const struct upstream *u)
{
	return u->held != NULL || !pending_is_empty(&u->pending);
}

bool
upstream_must_wait(const struct upstream *u, bool may_share)
{
	return upstream_owes_reply(u) &&
	    (u->barrier || pending_is_full(&u->pending) || !may_share);
}

enum io
upstream_flush(struct upstream *u)
{
	enum io io = conn_flush(&u->conn);

	if (io == IO_ERROR && errno == ENOMEM)
		upstream_lose(u, UPSTREAM_NO_MEMORY);
	return io;
}

void
upstream_forget_offers(struct upstream *u)
{
	u->pipelines = false;
	u->size_max = 0;
}

void
upstream_offers(struct upstream *u, enum esmtp_keyword keyword,
    const struct smtp_reply_line *line)
{
	u->pipelines = u->pipelines || keyword == ESMTP_PIPELINING;
	if (keyword == ESMTP_SIZE)
		u->size_max = esmtp_size(line->text, line->text_len);
}

void
upstream_leave(struct upstream *u, enum upstream_loss why)
{
	if (u->lost == UPSTREAM_THERE)
		u->lost = why;
	u->held = NULL;
	pending_clear(&u->pending);
}

void
upstream_lose(struct upstream *u, enum upstream_loss why)
{
	upstream_leave(u, why);
	conn_abort(&u->conn);
}
