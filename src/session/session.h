/*
 * One connection of a client, from its greeting to its end.
 *
 * Shared by the files of its wing: session (the loop), commands (client to
 * server), replies (server to client) and message (the data phase).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_SESSION_H
#define SRC_SESSION_SESSION_H

#include <stdbool.h>

#include "common/conn.h"
#include "common/server.h"
#include "src/smtp/envelope.h"
#include "src/smtp/pending.h"
#include "src/config/settings.h"

/* Replies of our own. */
#define REPLY_LOCAL_ERROR "451 Local Error"
#define REPLY_BUSY "421 Server busy, too many connections\r\n"
#define REPLY_NO_THREAD "421 Local Error, cannot start thread\r\n"
#define REPLY_NO_SERVER                                                        \
	"421 4.4.1 Cannot reach the mail server, try again later"
#define REPLY_TIMED_OUT "421 4.4.2 Timed out, closing connection"
#define REPLY_SERVER_CLOSED "421 4.4.2 The mail server closed the connection"
#define REPLY_NONSENSE "421 4.5.0 The mail server cannot be understood"
#define REPLY_NO_MEMORY "421 4.3.0 Out of memory, try again later\r\n"
#define REPLY_STOPPING "421 4.3.2 Shutting down, try again later"

enum session_phase {
	PHASE_COMMANDS,
	PHASE_RECEIVE, /* content comes from the client */
	PHASE_SCAN,
	PHASE_FORWARD /* the last step: a stop waits for it */
};

struct session {
	const struct settings *set;
	char id[16];
	struct addr peer; /* the client */
	struct addr target; /* the server */
	char peer_ip[ADDR_TEXT_MAX];
	char local_ip[ADDR_TEXT_MAX];
	char server_ip[ADDR_TEXT_MAX];
	int stop_fd;
	struct waiter waiter; /* of both connections and clamd's */
	struct conn client, server;
	enum session_phase phase;
	bool stopping; /* a stop came in the last step... */
	struct deadline stop_deadline; /* ... which has to be done by then */
	bool ended; /* nothing more is to be done but to close */
	bool client_quit; /* QUIT was accepted */
	bool client_eof; /* the client will send nothing more */
	bool client_lost; /* the client cannot hear us any more */
	bool server_lost; /* likewise, or it spoke out of turn in a message */
	bool server_bade; /* it said 421 or 221: its end is no surprise */
	struct deadline deadline; /* for what we wait for in commands */

	struct pending_queue pending;
	bool barrier; /* nothing more is sent until all replies are there */
	bool server_pipelines; /* it offered PIPELINING */
	bool xclient_offered;
	bool xclient_due; /* to be sent before the next command */
	bool xclient_sent;
	bool auth; /* the next line answers a 334 */
	unsigned unasked; /* lines that no command asked for */
	unsigned long long skip; /* octets of the client to be thrown away */
	struct strbuf hello; /* the client's EHLO or HELO line */
	struct envelope envelope;
	struct deadline keep_alive; /* when the server wants to hear of us */
};

/* Serve one connection; settings is a struct settings.  Thread body: owns
 * client->fd, blocks until the connection has ended. */
void session_run(struct server_client *client, void *settings);

/*
 * Let the session end after what is in the output has been sent; reply (may be
 * NULL) is the last word to the client.  The first call counts.
 */
void session_end(struct session *s, const char *reply);

/* A fresh deadline of the option TimeOut. */
struct deadline session_timeout(const struct session *s);

/* Put one reply line to the client. */
void session_reply(struct session *s, const char *reply);

/* The server has gone or cannot be trusted: reset its connection. */
void session_lose_server(struct session *s);

#endif
