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
#include "src/session/target.h"
#include "src/smtp/esmtp.h"
#include "src/smtp/pending.h"
#include "src/smtp/smtp_command.h"
#include "src/smtp/smtp_reply.h"

#define REPLY_LINES_MAX 1000 /* lines of one reply; beyond, it is nonsense */
#define REPLY_LINE_EXCESS_MAX 65536 /* octets of a line beyond its limit */
#define UNASKED_LINES_MAX 100 /* lines without a command since the last one */
#define UPSTREAM_PARTING_MS 2000 /* for replies that are due before QUIT */

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
	bool bade; /* it said 421 or 221: its end is no surprise */
	bool pipelines; /* it offered PIPELINING */
	unsigned long long size_max; /* octets that SIZE offered; 0: any */
	bool barrier; /* nothing more is sent until all replies are there */
	const struct exchange *held; /* a command of our own, not yet sent */
	const char *held_line;
	unsigned unasked; /* lines that no command asked for, in a row */
	struct pending_queue pending;
};

/* A line of a reply. */
struct upstream_line {
	const struct pending *about; /* what it answers; NULL: unasked */
	unsigned number; /* of the line in its reply, from 1 */
	const char *data; /* len octets, without the line end */
	size_t len;
	bool cut; /* it was longer than it may be: this is its beginning */
	struct smtp_reply_line reply; /* what it says */
};

struct session;

/* What is to be done with the reply to a command. */
struct exchange {
	const char *name;
	/* For each line as it comes; NULL: the client sees nothing of it. */
	void (*show)(struct session *, const struct upstream_line *);
	/* When its last line has come; about is no longer pending then. */
	void (*note)(struct session *, const struct upstream_line *);
	bool is_last; /* no QUIT of ours may follow before the reply */
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
 * Log that it was silent for so long, by the name that the configuration has
 * for it.
 */
void upstream_tell_silence(const struct upstream *u, int silence_ms);

/*
 * Put the client's command; its argument is kept with its exchange.  alone: no
 * other command may follow before its reply.  Sent by upstream_flush.  When
 * memory runs out, the server is lost.
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

/* Are there replies still to come? */
bool upstream_owes_reply(const struct upstream *u);

/* May the next command not be sent yet?  may_share: it may stand in a group. */
bool upstream_must_wait(const struct upstream *u, bool may_share);

enum upstream_heard {
	UPSTREAM_NOTHING, /* no line has come whole */
	UPSTREAM_LINE, /* *line is of the reply to line->about */
	UPSTREAM_UNASKED, /* *line answers nothing */
	UPSTREAM_ANSWER /* our own answer is next: *line->about */
};

/*
 * Take the next line of what was read, *line, borrowed until the next read.
 * When it makes no sense the server is lost (UPSTREAM_NOTHING).
 */
enum upstream_heard upstream_next(
    struct upstream *u, struct upstream_line *line);

/*
 * Take the oldest command, which has its whole reply, or the answer that is
 * next, off the queue.  The caller frees its text.
 */
struct pending upstream_take(struct upstream *u);

/*
 * Read what is there, without waiting.  As conn_read; when it is not IO_OK the
 * caller takes what was said before and calls upstream_gone.
 */
enum io upstream_read(struct upstream *u);

/* It has closed, or its connection does not work: it is lost. */
void upstream_gone(struct upstream *u);

/* Send what was put, as conn_flush.  After IO_ERROR as after upstream_read. */
enum io upstream_flush(struct upstream *u);

/* What it offers, as the reply to the client's last EHLO says. */
void upstream_forget_offers(struct upstream *u);
void upstream_offers(struct upstream *u, enum esmtp_keyword keyword,
    const struct smtp_reply_line *line);

/*
 * In a message, when all it may say are replies to commands of our own: read
 * them.  Whatever else it says means that it is lost.
 */
void upstream_hear(struct upstream *u);

/* Tell it that we are there, unless it still has to answer the last time. */
void upstream_keep_alive(struct upstream *u);

/* A whole reply that was waited for. */
struct upstream_reply {
	int code; /* of its last line; 0 if that was no reply line */
	bool whole; /* its last line has come */
	struct strbuf text; /* lines with CRLF; the caller frees it */
};

/*
 * Wait until no command is pending any more (upstream_await_pending), or for a
 * whole reply to what is not in the queue (upstream_await_reply), until the
 * deadline.  Returns IO_OK, or why there is none (logged); IO_ERROR also when
 * the server is lost or its reply makes no sense.
 */
enum io upstream_await_pending(struct upstream *u, struct deadline d);
enum io upstream_await_reply(
    struct upstream *u, struct upstream_reply *r, struct deadline d);

/*
 * Nothing more is wanted of it, or to be had.  The first reason counts.
 * upstream_lose resets its connection, so that a message whose end it has not
 * seen never ends; upstream_leave lets upstream_close part from it.
 */
void upstream_lose(struct upstream *u, enum upstream_loss why);
void upstream_leave(struct upstream *u, enum upstream_loss why);

/*
 * Close what is open, with QUIT (RFC 5321 4.1.1.10) unless it is the server that
 * ends it.  Commands that were put but not sent are thrown away.  Waits no
 * longer than UPSTREAM_PARTING_MS for the replies to what was sent before, and
 * not for that to QUIT.  May be called on a zeroed struct.
 */
void upstream_close(struct upstream *u);

#endif
