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
	int passed; /* the last descriptor that came with it, or -1 */
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

/* What clamd has told of a message: bits, as not all answers are clear. */
enum told { TOLD_CLEAN = 1, TOLD_FOUND = 2, TOLD_LIMIT = 4 };

/* A talk with clamd. */
struct clamd_talk {
	bool is_proof; /* about the session's own clean mail */
	bool was_shown; /* all of the content, or mail */
	bool by_file; /* it was shown a file */
	int64_t begun_ms, answered_ms;
	char subject[PATH_MAX]; /* how its answer must name it */
	struct strbuf answer;
};

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
	unsigned times_shown;
	struct clamd_talk talk; /* the last one, */
	unsigned told; /* and what came of the last one about a message */
	int64_t told_ms;
	bool by_file; /* which it was shown as a file */
	int64_t proof_ms; /* when the last good proof began */
	struct strbuf names; /* all that it has ever answered */
	bool asked; /* the server was asked to take it */
	bool has_rules; /* VirusRule */

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

/* The options of the first line, without its o; their lists are the caller's. */
void script_set_options(const char *p, const char *end);

/* ---- the models: what each party makes of it; they CHECK */

void client_hear(void);
void server_hear(void);
/* Replies of the server's have been given to the session. */
void server_note_replies(const char *p, size_t len);
void clamd_hear(void);
/* A connection is there: what came of the last one is remembered. */
void clamd_begin_talk(void);
/* Bits of what it has told of the message. */
unsigned clamd_judge(void);
/* Has the client said this content behind a DATA, and not longer ago than what was
 * found before? */
bool clamd_was_said(const struct strbuf *content);
/* Is there a name in what clamd has said that a rule with this action fits? */
bool clamd_has_named(const char *name);

#endif
