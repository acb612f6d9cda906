/*
 * The verbs that we know: one row each.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_VERBS_H
#define SRC_SESSION_VERBS_H

#include "src/session/session.h"

/* Where a command may stand in a group (RFC 2920 3.1). */
enum verb_place {
	VERB_ALONE, /* neither behind another one nor before it */
	VERB_LAST, /* behind others, but at their end */
	VERB_ANYWHERE
};

struct verb {
	const char *name;
	/* Handle the command.  NULL: it is DATA, of which the caller knows. */
	void (*ask)(struct session *s, const struct verb *v,
	    const struct smtp_command *c);
	const struct exchange *exchange; /* for the server's reply; or... */
	enum answer answer; /* ... what we say in its place */
	enum verb_place place;
	enum smtp_behind behind; /* what the client may say behind it at most */
};

/* The verb's row; that of all other verbs when we do not know it. */
const struct verb *verbs_find(const char *name, size_t len);

/* Is it the row of all other verbs? */
bool verbs_is_other(const struct verb *v);

/* The row of AUTH, which also asks what answers a 334. */
const struct verb *verbs_auth(void);

/* The i-th row, or NULL behind the last: for a test of the table. */
const struct verb *verbs_at(size_t i);

#endif
