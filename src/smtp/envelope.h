/*
 * The envelope of a mail transaction, for the log and the virus action.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_ENVELOPE_H
#define SRC_SMTP_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"

#define ENVELOPE_TRAIL_MAX ((size_t)1 << 20) /* octets of addresses */

struct envelope { /* zeroed: empty */
	unsigned long recipients; /* RCPT commands accepted */
	unsigned long refused; /* RCPT commands refused */
	/* Lines "from=ADDRESS" and "to=ADDRESS" as they were accepted. */
	struct strbuf trail;
	struct strbuf remote; /* XFORWARD ADDR; empty when unknown */
	struct strbuf remote_helo; /* XFORWARD HELO; empty when unknown */
	struct strbuf remote_ident; /* XFORWARD IDENT; empty when unknown */
};

/* Forget the transaction; memory is given back. */
void envelope_clear(struct envelope *e);

/*
 * The server has accepted (or refused) a command with this argument: what
 * stands behind the verb and its blanks, as "FROM:<a@b> SIZE=1".  An argument
 * that names no address counts, but adds none.  Cannot fail; when memory runs
 * out the strbuf says so.
 */
void envelope_add_sender(struct envelope *e, const char *arg, size_t len);
void envelope_add_recipient(struct envelope *e, const char *arg, size_t len);
void envelope_refuse_recipient(struct envelope *e);

/*
 * Append the reverse-path (the last one accepted) or the forward-paths
 * (separated by LF) to out.
 */
void envelope_get_sender(const struct envelope *e, struct strbuf *out);
void envelope_get_recipients(const struct envelope *e, struct strbuf *out);

/*
 * Walk through the trail: *line is NULL at first, then the line before.  Makes
 * *line the next one, *len octets without its LF.  False at the end.
 */
bool envelope_next_line(
    const struct envelope *e, const char **line, size_t *len);

/* Did memory run out, so that something is missing? */
bool envelope_has_failed(const struct envelope *e);

/* Has the envelope no room for another address of len octets? */
bool envelope_is_full(const struct envelope *e, size_t len);

/*
 * Take ADDR, HELO and IDENT from the argument of an accepted XFORWARD command.  One
 * that is not available is unset; an address has no prefix.
 * Source: Postfix XFORWARD_README.
 */
void envelope_add_xforward(struct envelope *e, const char *arg, size_t len);

#endif
