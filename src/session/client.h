/*
 * Who has connected to us.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_CLIENT_H
#define SRC_SESSION_CLIENT_H

#include <stdbool.h>

#include "common/conn.h"
#include "src/smtp/answers.h"
#include "src/smtp/origin.h"
#include "src/smtp/smtp_command.h"

/* Why there is nothing more to do for the client. */
enum client_end {
	CLIENT_STAYS,
	CLIENT_QUIT, /* its QUIT was accepted */
	CLIENT_LOST, /* it cannot hear us any more */
	CLIENT_GAVE_UP, /* it closed its side before its message went on */
	CLIENT_OUT_OF_STEP, /* it did not wait where it has to */
	CLIENT_BAD_CHUNK, /* nobody knows where its next command begins */
	CLIENT_NO_MEMORY /* we cannot hear it, or tell it anything */
};

struct client {
	struct conn conn;
	struct origin origin;
	char ip[ADDR_TEXT_MAX]; /* of origin.client */
	enum client_end end;
	bool eof; /* it will send nothing more */
	bool auth; /* its next line answers a 334 */
	bool codes; /* it knows enhanced status codes */
	unsigned long due; /* replies to its final dot that it still awaits */
	enum smtp_behind behind; /* what may wait until it has a reply */
	unsigned long long skip; /* octets of it to be thrown away */
};

/*
 * Take over the connection fd of peer (len 0: it has gone already).  waiter is
 * borrowed until client_close; timeout_ms is as in conn_open.
 */
void client_open(struct client *c, int fd, const struct addr *peer,
    struct waiter *waiter, int timeout_ms);

/* The client is whom this header names. */
void client_take_header(
    struct client *c, const struct proxy_protocol_header *h);

/* Read what is there, without waiting; sets eof, or end when it is lost. */
void client_read(struct client *c);

/*
 * A line was taken: this is all that may wait until its reply has left.  Zeroed,
 * a client waits for its greeting.  What else waits is out of step: the client
 * gets one 554 and the end, and nothing of it is read as a command.
 */
void client_begin_wait(struct client *c, enum smtp_behind behind);

/* May the octets that have been read wait?  If not, end is set. */
bool client_is_in_step(struct client *c);

/* The same just before a reply, after a read: lines taken are void then. */
bool client_has_waited(struct client *c);

/*
 * The same right behind the read of the line, which took all that there was
 * unless it had no room for more: only then one looks again.
 */
bool client_has_kept_step(struct client *c);

/* The reply was put: what is said from now on is in step. */
void client_was_answered(struct client *c);

/*
 * Does the client still wait for what becomes of its message?  It does not when
 * it is out of step, or has closed its side without a QUIT (RFC 5321 4.1.1.10),
 * since it will send the message again; end is set then.
 */
bool client_awaits_message(struct client *c);

/* It is out of step: say in the log who and why, and set end. */
void client_lose_step(struct client *c, const char *why);

/* It has closed its side: what has not been read by now is not looked for. */
void client_stop_hearing(struct client *c);

/* There is nothing more to do for the client.  The first reason counts. */
void client_leave(struct client *c, enum client_end why);

/* The next line is (or is not) an answer to the server's 334. */
void client_expect_auth(struct client *c, bool expected);

/* Throw away the next n octets: client_skip does it with what was read of them,
 * and returns how many. */
void client_begin_skip(struct client *c, unsigned long long n);
size_t client_skip(struct client *c);

/* Its address for the log; UNKNOWN when there is none. */
const char *client_name(const struct client *c);

/* Where it has connected to, with a port; len 0: that cannot be told. */
void client_destination(const struct client *c, struct addr *destination);

/* Its address of our side (%l), or "" when that cannot be told. */
const char *client_local_ip(const struct client *c, char text[ADDR_TEXT_MAX]);

#endif
