/*
 * Every reply of our own, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/answers.h"

#include <stdio.h>

/* The enhanced status codes are of RFC 3463. */
static const struct {
	int code;
	const char *enhanced; /* NULL: such a reply never has one */
	const char *words; /* of 1.10, where it has such a reply */
} answers[ANSWER_COUNT] = {
    [ANSWER_GREETING] = {220, NULL, "smtp.passthru"},
    [ANSWER_HELLO] = {250, NULL, "smtp.passthru"},
    [ANSWER_OK] = {250, "2.0.0", "Ok"},
    [ANSWER_NOT_IMPLEMENTED] = {502, "5.5.1", "Command not implemented"},
    [ANSWER_TOO_LONG] = {500, "5.5.2", "Line too long"},
    [ANSWER_STRAY] = {500, "5.5.2", "Command with NUL or stray CR"},
    [ANSWER_MALFORMED] = {500, "5.5.2", "Command not recognized"},
    [ANSWER_PARAMETER] = {555, "5.5.4", "Parameter not supported"},
    [ANSWER_XCLIENT] = {554, "5.7.1", "Insufficient authorization"},
    [ANSWER_MIXED] = {503, "5.5.1", "LMTP and SMTP do not mix in one session"},
    [ANSWER_NO_TRANSACTION] = {503, "5.5.1", "Need MAIL and RCPT before DATA"},
    [ANSWER_NO_RECIPIENTS] = {554, "5.5.1", "No valid recipients"},
    [ANSWER_TOO_MANY] = {452, "4.5.3", "Too many recipients"},
    [ANSWER_GO] = {354, NULL, "Start mail input; end with <CRLF>.<CRLF>"},
    [ANSWER_DISCARDED] = {250, "2.0.0", "Virus Detected; Discarded Email"},
    [ANSWER_REJECTED] = {550, "5.7.1", "Virus Detected; Content Rejected"},
    [ANSWER_OVERSIZE] = {552, "5.3.4", "Message too large to be scanned"},
    [ANSWER_TOO_LARGE] = {552, "5.3.4",
	"Message exceeds the mail server's size limit"},
    [ANSWER_UNSCANNED] = {554, "5.3.0", "Message could not be scanned"},
    [ANSWER_BARE_NEWLINE] = {550, "5.5.2", "Message contains a bare CR or LF"},
    [ANSWER_LOCAL_ERROR] = {451, "4.3.0", "Local Error"},
    [ANSWER_BUSY] = {421, NULL, "Server busy, too many connections"},
    [ANSWER_NO_THREAD] = {421, NULL, "Local Error, cannot start thread"},
    [ANSWER_BYE] = {221, "2.0.0", "Bye"},
    [ANSWER_NO_CLAMD] = {421, "4.3.0",
	"No virus scanner answers, try again later"},
    [ANSWER_NO_UPSTREAM] = {421, "4.4.1",
	"Cannot reach the mail server, try again later"},
    [ANSWER_TIMED_OUT] = {421, "4.4.2", "Timed out, closing connection"},
    [ANSWER_UPSTREAM_CLOSED] = {421, "4.4.2",
	"The mail server closed the connection"},
    [ANSWER_NONSENSE] = {421, "4.5.0", "The mail server cannot be understood"},
    [ANSWER_NO_MEMORY] = {421, "4.3.0", "Out of memory, try again later"},
    [ANSWER_STOPPING] = {421, "4.3.2", "Shutting down, try again later"},
    [ANSWER_OUT_OF_STEP] = {554, "5.5.0",
	"Command out of step, closing connection"},
    [ANSWER_NO_SIZE] = {421, "4.5.0",
	"BDAT without a valid size, closing connection"},
};

int
answers_code(enum answer answer)
{
	return answers[answer].code;
}

char *
answers_text(enum answer answer, bool with_code, char text[ANSWER_TEXT_MAX])
{
	const char *code = with_code ? answers[answer].enhanced : NULL;

	snprintf(text, ANSWER_TEXT_MAX, "%d %s%s%s", answers[answer].code,
	    code == NULL ? "" : code, code == NULL ? "" : " ",
	    answers[answer].words);
	return text;
}
