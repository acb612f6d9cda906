/*
 * Whose mail is not scanned: the option Skip.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_EXEMPT_H
#define SRC_SCAN_EXEMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/net.h"

/* By what a message is exempt. */
enum exempt {
	EXEMPT_NOT,
	EXEMPT_CLIENT,
	EXEMPT_SENDER,
	EXEMPT_RECIPIENT,
	EXEMPT_AUTHENTICATED
};

struct exempt_rule {
	enum exempt by;
	struct net net; /* of clients */
	char *pattern; /* of senders or recipients; else NULL */
};

struct exempt_rules { /* zeroed: none */
	struct exempt_rule *list;
	size_t count;
};

/* How many addresses of a kind fit a pattern of theirs.  Zeroed: none. */
struct exempt_count {
	unsigned long fit, others;
};

/* What was accepted in a mail transaction; zeroed where it begins. */
struct exempt_envelope {
	struct exempt_count senders, recipients;
};

/*
 * Add a rule: "client NET", "sender PATTERN", "recipient PATTERN" or
 * "authenticated", in words of any case; the pattern is all behind the blanks.
 * value is copied.
 * Returns 0, or -1 with EINVAL (no rule, or no network), EDOM (as net_parse)
 * or ENOMEM.
 */
int exempt_add(struct exempt_rules *r, const char *value);

/*
 * The server has accepted MAIL or RCPT with this argument ("FROM:<a@b> SIZE=1").
 * Its address as path_find has it fits where a pattern does, the whole of it,
 * as fnmatch(3) with FNM_CASEFOLD; one that is not found fits none.
 */
void exempt_count_sender(const struct exempt_rules *r,
    struct exempt_envelope *e, const char *arg, size_t len);
void exempt_count_recipient(const struct exempt_rules *r,
    struct exempt_envelope *e, const char *arg, size_t len);

/*
 * By what is a message exempt?  The first rule tells that fits the client, its
 * state, the sender, or each recipient (together with the rules of the kind).
 */
enum exempt exempt_find(const struct exempt_rules *r,
    const struct exempt_envelope *e, const struct addr *client,
    bool authenticated);

/* Its word in the option and in the log; not of EXEMPT_NOT. */
const char *exempt_word(enum exempt by);

/* Give the memory back. */
void exempt_free(struct exempt_rules *r);

#endif
