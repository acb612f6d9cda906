/*
 * How a message ended, in a word: what is counted.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_OUTCOME_H
#define SRC_MAIL_OUTCOME_H

enum outcome {
	OUTCOME_CLEAN,
	OUTCOME_INFECTED,
	OUTCOME_OVERSIZE,
	OUTCOME_FAILED, /* there was no verdict, or the server was lost */
	OUTCOME_SKIPPED,
	OUTCOME_UNSCANNED,
	OUTCOME_REFUSED, /* by BareNewline, or by the server */
	OUTCOME_ABORTED, /* the client did not wait for the end */
	OUTCOME_COUNT
};

#endif
