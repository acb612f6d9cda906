/*
 * Every reply of our own, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/answers.h"

#include <stdbool.h>
#include <stdio.h>

/* The enhanced status codes are of RFC 3463.  What 1.10 said has none. */
static const struct {
	int code;
	bool old; /* as 1.10 said it, to the octet */
	const char *enhanced; /* NULL: such a reply never has one */
	const char *words;
} answers[ANSWER_COUNT] = {
    [ANSWER_GREETING] = {220, true, NULL, "smtp.passthru"},
    [ANSWER_HELLO] = {250, true, NULL, "smtp.passthru"},
    [ANSWER_OK] = {250, false, "2.0.0", "Ok"},
    [ANSWER_NOT_IMPLEMENTED] = {502, true, "5.5.1", "Command not implemented"},
    [ANSWER_TOO_LONG] = {500, true, "5.5.2", "Line too long"},
    [ANSWER_STRAY] = {500, false, "5.5.2", "Command with NUL or stray CR"},
    [ANSWER_MALFORMED] = {500, false, "5.5.2", "Command not recognized"},
    [ANSWER_PARAMETER] = {555, false, "5.5.4", "Parameter not supported"},
    [ANSWER_XCLIENT] = {554, true, "5.7.1", "Insufficient authorization"},
    [ANSWER_NO_TRANSACTION] = {503, false, "5.5.1",
	"Need MAIL and RCPT before DATA"},
    [ANSWER_NO_RECIPIENTS] = {554, false, "5.5.1", "No valid recipients"},
    [ANSWER_TOO_MANY] = {452, false, "4.5.3", "Too many recipients"},
    [ANSWER_GO] = {354, true, NULL, "Start mail input; end with <CRLF>.<CRLF>"},
    [ANSWER_DISCARDED] = {250, true, "2.0.0",
	"Virus Detected; Discarded Email"},
    [ANSWER_REJECTED] = {550, true, "5.7.1",
	"Virus Detected; Content Rejected"},
    [ANSWER_OVERSIZE] = {552, false, "5.3.4",
	"Message too large to be scanned"},
    [ANSWER_TOO_LARGE] = {552, false, "5.3.4",
	"Message exceeds the mail server's size limit"},
    [ANSWER_UNSCANNED] = {554, false, "5.3.0", "Message could not be scanned"},
    [ANSWER_BARE_NEWLINE] = {550, false, "5.5.2",
	"Message contains a bare CR or LF"},
    [ANSWER_LOCAL_ERROR] = {451, true, "4.3.0", "Local Error"},
    [ANSWER_BUSY] = {421, true, NULL, "Server busy, too many connections"},
    [ANSWER_NO_THREAD] = {421, true, NULL, "Local Error, cannot start thread"},
    [ANSWER_BYE] = {221, false, "2.0.0", "Bye"},
    [ANSWER_NO_CLAMD] = {421, false, "4.3.0",
	"No virus scanner answers, try again later"},
    [ANSWER_NO_UPSTREAM] = {421, false, "4.4.1",
	"Cannot reach the mail server, try again later"},
    [ANSWER_TIMED_OUT] = {421, false, "4.4.2", "Timed out, closing connection"},
    [ANSWER_UPSTREAM_CLOSED] = {421, false, "4.4.2",
	"The mail server closed the connection"},
    [ANSWER_NONSENSE] = {421, false, "4.5.0",
	"The mail server cannot be understood"},
    [ANSWER_NO_MEMORY] = {421, false, "4.3.0",
	"Out of memory, try again later"},
    [ANSWER_STOPPING] = {421, false, "4.3.2", "Shutting down, try again later"},
    [ANSWER_OUT_OF_STEP] = {554, false, "5.5.0",
	"Command out of step, closing connection"},
    [ANSWER_NO_SIZE] = {421, false, "4.5.0",
	"BDAT without a valid size, closing connection"},
};

char *
answers_text(enum answer answer, char text[ANSWER_TEXT_MAX])
{
	const bool enhanced = !answers[answer].old;

	snprintf(text, ANSWER_TEXT_MAX, "%d %s%s%s", answers[answer].code,
	    enhanced ? answers[answer].enhanced : "", enhanced ? " " : "",
	    answers[answer].words);
	return text;
}
