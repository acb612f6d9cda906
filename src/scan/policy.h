/*
 * The whole policy: what becomes of a message, from what is known of it.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_POLICY_H
#define SRC_SCAN_POLICY_H

#include <stdbool.h>

#include "src/mail/stamp.h"
#include "src/scan/rules.h"
#include "src/scan/verdict.h"
#include "src/smtp/answers.h"

/* The option BareNewline: what is done about stray CR and LF. */
enum bare_newline { BARE_NEWLINE_REPAIR, BARE_NEWLINE_REJECT };

/* The options ScanFail and Oversize: what is done without a verdict. */
enum when_unscanned {
	WHEN_UNSCANNED_TEMPFAIL,
	WHEN_UNSCANNED_REJECT,
	WHEN_UNSCANNED_PASS
};

/* What the administrator wants. */
struct policy_config {
	enum when_infected action; /* option Action */
	struct rules rules; /* option VirusRule */
	enum bare_newline bare_newline;
	enum when_unscanned scan_fail, oversize;
};

struct policy_facts {
	const struct policy_config *config;
	/* known when the content has been received */
	bool content_failed; /* it could not be kept, also later */
	bool too_large; /* for the server */
	bool upstream_lost; /* nobody is there to take it */
	bool bare_newline; /* there was a stray CR or LF in it */
	bool exempt; /* it need not be scanned */
	/* known later */
	bool scanned; /* there is a verdict */
	enum scan_verdict verdict;
	bool scan_given_up; /* it was we who ended the scan, not clamd */
	const char *name; /* of the virus or limit; NULL: clamd told none */
	bool quarantine_failed; /* the copy that was to be kept was not */
};

enum policy_action {
	POLICY_SCAN, /* more has to be known: ask clamd, and then again */
	POLICY_FORWARD, /* to the server, with this mark */
	POLICY_ANSWER /* nothing goes to the server: the client gets this answer */
};

struct policy {
	enum policy_action action;
	enum answer answer;
	struct stamp_mark mark; /* about a fact's name, or a constant */
	bool handles_virus; /* by the options Quarantine and VirusAction */
};

/* Cannot fail.  In doubt the answer is 451, whatever is wished. */
struct policy policy_choose(const struct policy_facts *facts);

#endif
