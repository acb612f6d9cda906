/*
 * The whole policy: what becomes of a message, from what is known of it.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_POLICY_H
#define SRC_SCAN_POLICY_H

#include <stdbool.h>

#include "src/mail/stamp.h"
#include "src/scan/verdict.h"
#include "src/smtp/answers.h"

/* The option Action: what the administrator wants for infected messages. */
enum when_infected {
	WHEN_INFECTED_DROP,
	WHEN_INFECTED_BOUNCE,
	WHEN_INFECTED_PASS
};

/* The option BareNewline: likewise for stray CR and LF. */
enum bare_newline { BARE_NEWLINE_REPAIR, BARE_NEWLINE_REJECT };

struct policy_facts {
	enum when_infected when_infected;
	enum bare_newline when_bare_newline;
	/* known when the content has been received */
	bool content_failed; /* it could not be kept */
	bool too_large; /* for the server */
	bool upstream_lost; /* nobody is there to take it */
	bool bare_newline; /* there was a stray CR or LF in it */
	/* known later */
	bool scanned; /* there is a verdict */
	enum scan_verdict verdict;
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
	enum stamp_mark mark;
	bool runs_virus_action;
};

/* Cannot fail.  In doubt the answer is 451, whatever is wished. */
struct policy policy_choose(const struct policy_facts *facts);

#endif
