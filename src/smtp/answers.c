/*
 * Every reply of our own, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/answers.h"

/* With an enhanced status code (RFC 3463), which is told to who knows such. */
#define WITH(code, enhanced, words)                                            \
	{                                                                      \
		code, #code " " words, #code " " enhanced " " words            \
	}
#define WITHOUT(code, words)                                                   \
	{                                                                      \
		code, #code " " words, #code " " words                         \
	}

/* The words are 1.10's, where it has such a reply. */
static const struct {
	int code;
	const char *plain, *coded;
} answers[ANSWER_COUNT] = {
    [ANSWER_GREETING] = WITHOUT(220, "smtp.passthru"),
    [ANSWER_HELLO] = WITHOUT(250, "smtp.passthru"),
    [ANSWER_OK] = WITH(250, "2.0.0", "Ok"),
    [ANSWER_NOT_IMPLEMENTED] = WITH(502, "5.5.1", "Command not implemented"),
    [ANSWER_TOO_LONG] = WITH(500, "5.5.2", "Line too long"),
    [ANSWER_STRAY] = WITH(500, "5.5.2", "Command with NUL or stray CR"),
    [ANSWER_MALFORMED] = WITH(500, "5.5.2", "Command not recognized"),
    [ANSWER_PARAMETER] = WITH(555, "5.5.4", "Parameter not supported"),
    [ANSWER_XCLIENT] = WITH(554, "5.7.1", "Insufficient authorization"),
    [ANSWER_MIXED] =
	WITH(503, "5.5.1", "LMTP and SMTP do not mix in one session"),
    [ANSWER_NO_TRANSACTION] =
	WITH(503, "5.5.1", "Need MAIL and RCPT before DATA"),
    [ANSWER_NO_RECIPIENTS] = WITH(554, "5.5.1", "No valid recipients"),
    [ANSWER_TOO_MANY] = WITH(452, "4.5.3", "Too many recipients"),
    [ANSWER_GO] = WITHOUT(354, "Start mail input; end with <CRLF>.<CRLF>"),
    [ANSWER_DISCARDED] = WITH(250, "2.0.0", "Virus Detected; Discarded Email"),
    [ANSWER_REJECTED] = WITH(550, "5.7.1", "Virus Detected; Content Rejected"),
    [ANSWER_OVERSIZE] = WITH(552, "5.3.4", "Message too large to be scanned"),
    [ANSWER_TOO_LARGE] =
	WITH(552, "5.3.4", "Message exceeds the mail server's size limit"),
    [ANSWER_UNSCANNED] = WITH(554, "5.3.0", "Message could not be scanned"),
    [ANSWER_BARE_NEWLINE] =
	WITH(550, "5.5.2", "Message contains a bare CR or LF"),
    [ANSWER_LOCAL_ERROR] = WITH(451, "4.3.0", "Local Error"),
    [ANSWER_BUSY] = WITHOUT(421, "Server busy, too many connections"),
    [ANSWER_NO_THREAD] = WITHOUT(421, "Local Error, cannot start thread"),
    [ANSWER_BYE] = WITH(221, "2.0.0", "Bye"),
    [ANSWER_NO_CLAMD] =
	WITH(421, "4.3.0", "No virus scanner answers, try again later"),
    [ANSWER_NO_UPSTREAM] =
	WITH(421, "4.4.1", "Cannot reach the mail server, try again later"),
    [ANSWER_TIMED_OUT] = WITH(421, "4.4.2", "Timed out, closing connection"),
    [ANSWER_UPSTREAM_CLOSED] =
	WITH(421, "4.4.2", "The mail server closed the connection"),
    [ANSWER_NONSENSE] =
	WITH(421, "4.5.0", "The mail server cannot be understood"),
    [ANSWER_NO_MEMORY] = WITH(421, "4.3.0", "Out of memory, try again later"),
    [ANSWER_STOPPING] = WITH(421, "4.3.2", "Shutting down, try again later"),
    [ANSWER_OUT_OF_STEP] =
	WITH(554, "5.5.0", "Command out of step, closing connection"),
    [ANSWER_NO_SIZE] =
	WITH(421, "4.5.0", "BDAT without a valid size, closing connection"),
};

int
answers_code(enum answer answer)
{
	return answers[answer].code;
}

const char *
answers_text(enum answer answer, bool with_code)
{
	return with_code ? answers[answer].coded : answers[answer].plain;
}
