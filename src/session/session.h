/*
 * One connection of a client, and what its rooms share: to ask the server, to
 * answer the client, and to know whether the end has come.
 *
 * Each member has one writer, the room of its name.  A room returns facts;
 * relay alone makes an end of them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_SESSION_H
#define SRC_SESSION_SESSION_H

#include <stdbool.h>

#include "src/config/settings.h"
#include "src/session/client.h"
#include "src/session/target.h"
#include "src/session/upstream.h"
#include "src/session/watch.h"
#include "src/smtp/answers.h"
#include "src/smtp/envelope.h"
#include "src/smtp/secrets.h"
#include "src/smtp/smtp_command.h"

/* What an accepted greeting has made of the session. */
enum hello_protocol { HELLO_NONE, HELLO_SMTP, HELLO_LMTP };

struct hello {
	bool greeted; /* the client has heard something of a server */
	struct strbuf line; /* the client's last EHLO, HELO or LHLO */
	enum hello_protocol protocol;
};

enum introduction_state {
	INTRODUCTION_NONE,
	INTRODUCTION_DUE, /* before the next command */
	INTRODUCTION_MADE
};

struct introduction {
	enum introduction_state state;
	unsigned offered; /* what the server takes with XCLIENT */
	unsigned due; /* what is still to be told */
	unsigned later; /* what is to be told behind it, by itself */
	unsigned instead; /* what is to be told if all of it is refused */
	bool told; /* the server has accepted some, and awaits a greeting */
	bool authenticated; /* it has accepted AUTH */
};

struct session {
	const struct settings *set;
	char id[16];
	struct client client;
	struct target target; /* where we are, or try to be */
	struct upstream upstream;
	struct target_link link; /* written by target */
	struct watch watch;
	struct hello hello;
	struct introduction introduction;
	struct envelope envelope; /* written by transaction */
	struct exempt_envelope exempt; /* likewise */
	unsigned long virus_action; /* the last one; written by hook_run */
	struct secrets secrets; /* not to be logged; written by itself */
};

/* Ask the server what the client has asked; alone as in upstream_ask. */
void session_ask(struct session *s, const struct exchange *exchange,
    const struct smtp_command *c, bool alone);

/* Answer by ourselves, behind the replies that are due. */
void session_answer(struct session *s, enum answer answer);

/*
 * Answer a message that does not go to the server, which is to forget its
 * envelope.
 */
void session_refuse_message(struct session *s, enum answer answer);

/* Ask the server to forget the transaction; when it refuses it is lost. */
void session_reset_upstream(struct session *s);

/*
 * Tell the server, which awaits an answer to its 334, that there is none; its
 * reply is not shown.  Source: RFC 4954 4.
 */
void session_cancel_auth(struct session *s);

/*
 * Who the client is for Skip and the log: XFORWARD's, where it is to be believed
 * (see origin_true_client).  No address (len 0) when nobody knows.
 */
struct addr session_true_client(const struct session *s);

/* The last word to a client whose wait has ended so. */
enum answer session_word_of_wait(enum io io);

/* Is there nothing more to do, for what client or server are and said? */
bool session_is_over(const struct session *s);

#endif
