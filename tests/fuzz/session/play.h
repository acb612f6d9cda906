/*
 * What the parts of the fuzz target session share: the parties that the session
 * talks to, and what is remembered of what they said and heard.
 *
 * The target, session.c, lets the script (script.c) say something for a party
 * (party.c); what a party hears is checked by the model of it (client.c,
 * server.c, clamd.c).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_FUZZ_SESSION_PLAY_H
#define TESTS_FUZZ_SESSION_PLAY_H

#include <limits.h>

#include "common/strbuf.h"
#include "src/config/settings.h"
#include "tests/fuzz/fuzz.h"

#define VOLUME_MAX ((size_t)300 << 10) /* octets said by all parties */
#define KEEP_ALIVES_MS 5000
#define TOP_HEADER "Received: by the fuzzer"

/* Somebody the session talks to. */
struct party {
	int listener; /* -1 for the client */
	int fd; /* -1: not connected */
	bool gone; /* for ever */
	struct strbuf unsent; /* what it says as soon as it can */
	struct strbuf heard; /* of this connection, and not yet understood */
};

/* Finds where replies end in a stream of them. */
struct reply_reader {
	char line[4]; /* the beginning */
	size_t len;
	char first; /* digit of the reply's lines so far; 0 at its beginning */
	bool agree; /* they all begin with it */
	unsigned excuses; /* 334s, each of which lets one line be anything */
};

enum server_state {
	SERVER_COMMANDS,
	SERVER_ASKED, /* DATA was said */
	SERVER_CONTENT,
	SERVER_DELIVERED /* the end of mail data was said */
};

enum told { TOLD_OTHER, TOLD_CLEAN, TOLD_FOUND };

struct play {
	struct settings settings; /* of this run */
	const char *script, *end;
	bool running;
	bool client_done; /* the script had ended and the client with it */
	int64_t now_ms;
	unsigned polls;
	size_t volume;
	int stop[2];
	struct party client, server, clamd;

	struct strbuf said; /* by the client, in all */
	size_t understood; /* of that, up to the last content */

	struct reply_reader replies;
	enum server_state state;
	bool accepted; /* the server has said 2yz to the last message */

	struct strbuf shown; /* what clamd was shown last */
	struct strbuf answer; /* what it said to that */
	char path[PATH_MAX]; /* of what it was shown (ScanMode scan) */
	bool was_shown; /* all of it */
	bool shown_once; /* and not yet again */
	bool asked; /* the server was asked to take it */

	bool in_data; /* the client was told to go on */
};

extern struct play play;

/* ---- party.c: the sockets */

/* Closes the connection; what was heard of it is forgotten. */
void party_hang_up(struct party *p);

/* Sends what it has to say, as much as can be without waiting. */
void party_say_unsent(struct party *p);

/* Reads what there is and lets the model of the party check it. */
void party_hear(struct party *p);

/* Everybody takes a call, hears, and says what was left unsent. */
void party_attend_all(void);

/* Drops the first n octets. */
void party_forget(struct strbuf *b, size_t n);

/* ---- script.c: the moves, time, and the waiting of the session */

/* The options of the first line, without its o. */
void script_set_options(const char *p, const char *end);

/* ---- the models: what each party makes of it; they CHECK */

void client_hear(void);
void server_hear(void);
/* Replies of the server's have been given to the session. */
void server_note_replies(const char *p, size_t len);
void clamd_hear(void);
/* What its last answer means. */
enum told clamd_judge(void);

#endif
