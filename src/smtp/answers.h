/*
 * Every reply of our own: code, enhanced status code, words.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_ANSWERS_H
#define SRC_SMTP_ANSWERS_H

#include <stdbool.h>

enum answer {
	ANSWER_NONE, /* nothing is said */
	/* in the dialogue */
	ANSWER_GREETING,
	ANSWER_HELLO,
	ANSWER_OK,
	ANSWER_NOT_IMPLEMENTED,
	ANSWER_TOO_LONG,
	ANSWER_STRAY,
	ANSWER_MALFORMED,
	ANSWER_PARAMETER,
	ANSWER_XCLIENT,
	ANSWER_MIXED,
	ANSWER_NO_TRANSACTION,
	ANSWER_NO_RECIPIENTS,
	ANSWER_TOO_MANY,
	/* to a message */
	ANSWER_GO,
	ANSWER_DISCARDED,
	ANSWER_REJECTED,
	ANSWER_OVERSIZE,
	ANSWER_TOO_LARGE,
	ANSWER_UNSCANNED,
	ANSWER_BARE_NEWLINE,
	ANSWER_LOCAL_ERROR,
	/* the last word */
	ANSWER_BUSY,
	ANSWER_NO_THREAD,
	ANSWER_BYE,
	ANSWER_NO_CLAMD,
	ANSWER_NO_UPSTREAM,
	ANSWER_TIMED_OUT,
	ANSWER_UPSTREAM_CLOSED,
	ANSWER_NONSENSE,
	ANSWER_NO_MEMORY,
	ANSWER_STOPPING,
	ANSWER_OUT_OF_STEP,
	ANSWER_NO_SIZE,
	ANSWER_COUNT
};

/* Its code; 0 for ANSWER_NONE. */
int answers_code(enum answer answer);

/*
 * What an answer says, without line end.  with_code: the client knows enhanced
 * status codes (RFC 2034), so it has one, but where such a reply never has.
 */
const char *answers_text(enum answer answer, bool with_code);

#endif
