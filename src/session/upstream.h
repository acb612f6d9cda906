/*
 * The mail server: what it is asked, and what it answers.
 *
 * Every command has an entry in a queue that tells what is to be done with its
 * reply, so replies find their commands in order, however many are on the way.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_UPSTREAM_H
#define SRC_SESSION_UPSTREAM_H

#include <stdbool.h>

#include "common/conn.h"
#include "src/session/exchange.h"
#include "src/session/target.h"
#include "src/smtp/esmtp.h"
#include "src/smtp/pending.h"
#include "src/smtp/smtp_command.h"
#include "src/smtp/smtp_reply.h"

/* Why nothing more can be had of it. */
enum upstream_loss {
	UPSTREAM_THERE,
	UPSTREAM_CLOSED, /* it has gone */
	UPSTREAM_LEFT, /* it has gone as it said it would */
	UPSTREAM_NONSENSE, /* it cannot be understood */
	UPSTREAM_UNTOLD, /* memory ran out: its replies cannot be told apart */
	UPSTREAM_NO_MEMORY, /* memory ran out: it cannot be heard */
	UPSTREAM_GIVEN_UP /* we do not want it any more */
};

struct upstream {
	struct conn conn;
	struct addr addr;
	const char *name; /* option OutAddress; NULL: a client's own choice */
	char ip[ADDR_TEXT_MAX];
	enum upstream_loss lost;
	bool parting; /* upstream_in's: it said 421 or 221, and may go */
	bool pipelines; /* it offered PIPELINING */
	unsigned long long size_max; /* octets that SIZE offered; 0: any */
	bool barrier; /* nothing more is sent until all replies are there */
	const struct exchange *held; /* a command of our own, not yet sent */
	const char *held_line;
	unsigned
	    unasked_lines; /* upstream_in's: lines in a row without a command */
	struct pending_queue pending;
};

/* A command of ours of which the reply does not matter. */
extern const struct exchange upstream_unheard;

/*
 * Connect to target within connect_ms.  Its name and waiter are borrowed until
 * upstream_close; timeout_ms is as in conn_open.  The greeting is awaited as the
 * reply to a command with this exchange.  Returns 0, or -1 with errno (ECANCELED:
 * the waiter ended it), not logged.
 */
int upstream_connect(struct upstream *u, const struct target *target,
    struct waiter *waiter, int connect_ms, int timeout_ms,
    const struct exchange *greeting);

/*
 * Put the client's command; its argument is kept with its exchange.  alone: no
 * other command may follow before its reply, as none may where PIPELINING was
 * not offered (RFC 2920 3.1).  Sent by upstream_flush.  When memory runs out,
 * the server is lost.
 */
void upstream_ask(struct upstream *u, const struct exchange *exchange,
    const struct smtp_command *c, bool alone);

/*
 * Put a command of our own, which stands alone and has no argument to keep.
 * While a server without PIPELINING owes a reply it is held back.  line is
 * borrowed until then.
 */
void upstream_ask_own(
    struct upstream *u, const struct exchange *exchange, const char *line);

/*
 * Queue an answer of our own behind the replies that are due.  When there is no
 * room for it, the server is lost.
 */
void upstream_queue_answer(struct upstream *u, enum answer answer);

/*
 * Take the oldest command, which has its whole reply, or the answer that is
 * next, off the queue.  The caller frees its text.
 */
struct pending upstream_take(struct upstream *u);

/* Throw away what was put and not sent.  As conn_drop. */
bool upstream_drop_unsent(struct upstream *u);

/* Are there replies still to come? */
bool upstream_owes_reply(const struct upstream *u);

/* May the next command not be sent yet?  may_share: it may stand in a group. */
bool upstream_must_wait(const struct upstream *u, bool may_share);

/* Send what was put, as conn_flush.  After IO_ERROR as after upstream_read. */
enum io upstream_flush(struct upstream *u);

/* What it offers, as the reply to the client's last EHLO says. */
void upstream_forget_offers(struct upstream *u);
void upstream_offers(struct upstream *u, enum esmtp_keyword keyword,
    const struct smtp_reply_line *line);

/*
 * Nothing more is wanted of it, or to be had.  The first reason counts.
 * upstream_lose resets its connection, so that a message whose end it has not
 * seen never ends; upstream_leave lets upstream_close part from it.
 */
void upstream_lose(struct upstream *u, enum upstream_loss why);
void upstream_leave(struct upstream *u, enum upstream_loss why);

#endif
