/*
 * Proof that a clamd can look.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/proof.h"

#include <stdio.h>
#include <unistd.h>

#define PAUSE_MS 5 /* between two looks at another thread's proof */
#define LINES 96 /* of the attachment, 78 octets each; 8 KB in all */

/*
 * No two are the same, neither the mail nor what is in it: clamd remembers what
 * it has found clean.
 */
static void
make_mail(struct strbuf *mail)
{
	char start[1024];

	snprintf(start, sizeof start,
	    "Received: by clamsmtpd; to see whether clamd looks\r\n"
	    "Subject: a clean mail\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=\"=clean\"\r\n"
	    "\r\n"
	    "--=clean\r\n"
	    "Content-Type: application/octet-stream; name=\"clean\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "\r\n"
	    "%016llx%016llx\r\n",
	    (unsigned long long)getpid(),
	    (unsigned long long)deadline_in(0).at_ms);
	strbuf_puts(mail, start);
	for (int i = 0; i < LINES; i++)
		strbuf_puts(mail,
		    "Y2xlYW4gY2xlYW4gY2xlYW4gY2xlYW4gY2xlYW4gY2xlYW4gY2xlYW4gY2"
		    "xlYW4gY2xlYW4gY2xl\r\n");
	strbuf_puts(mail, "\r\n--=clean--\r\n");
}

static int64_t
now(void)
{
	return deadline_in(0).at_ms;
}

/* Does how it ended say anything about the clamd? */
static bool
is_fair(enum clamd_end how, bool had_all_time)
{
	return how != CLAMD_CANCELLED && how != CLAMD_NO_MEANS &&
	    ((how != CLAMD_SILENT && how != CLAMD_UNREACHED) || had_all_time);
}

/* The talk of a proof, until then.  As proof_need. */
static enum clamd_end
ask(const struct addr_spec *address, struct waiter *waiter,
    struct deadline until, bool is_look)
{
	struct clamd_answer answer = {.verdict = SCAN_FAILED};
	struct strbuf mail = {0};
	struct clamd_order order = {
	    .address = address,
	    .connect_ms = SCAN_PROOF_MS,
	    .timeout_ms = SCAN_PROOF_MS,
	    .until = until,
	    .is_look = is_look,
	};
	enum clamd_end how = CLAMD_NO_MEANS;

	make_mail(&mail);
	order.text = strbuf_str(&mail);
	if (!mail.failed)
		how = clamd_scan(&order, waiter, &answer);
	if (how == CLAMD_VERDICT && answer.verdict != SCAN_CLEAN)
		how = CLAMD_UNCLEAR;
	strbuf_free(&answer.name);
	strbuf_free(&mail);
	return how;
}

/* Ask; clamds_begin_proof has allowed it.  As proof_need. */
static enum clamd_end
prove(struct clamds *c, size_t i, struct waiter *waiter, struct deadline until,
    bool is_look)
{
	const int64_t begun = now();
	const struct deadline all = deadline_in(SCAN_PROOF_MS);
	enum clamd_end how = ask(
	    clamds_address(c, i), waiter, deadline_min(all, until), is_look);
	bool is_good = how == CLAMD_VERDICT;

	clamds_end_proof(
	    c, i, is_fair(how, all.at_ms <= until.at_ms) ? begun : 0, is_good);
	if (is_good)
		clamds_bring_back(c, i);
	return is_good || how == CLAMD_CANCELLED || how == CLAMD_NO_MEANS
	    ? how
	    : CLAMD_UNPROVED;
}

enum clamd_end
proof_need(
    struct clamds *c, size_t i, struct waiter *waiter, struct deadline until)
{
	const int64_t since = now() - SCAN_PROOF_AGE_MS;
	enum io io = IO_TIMEOUT;

	for (bool has_waited = false; io == IO_TIMEOUT; has_waited = true) {
		switch (clamds_begin_proof(c, i, since, has_waited)) {
		case CLAMDS_PROVED:
			return CLAMD_VERDICT;
		case CLAMDS_ASK:
			return prove(c, i, waiter, until, false);
		case CLAMDS_DISPROVED:
			return CLAMD_UNPROVED;
		case CLAMDS_BEING_PROVED:
			break;
		}
		if (deadline_left_ms(until) == 0)
			return CLAMD_UNPROVED;
		io = waiter_wait(waiter, -1, 0, deadline_in(PAUSE_MS));
	}
	return CLAMD_CANCELLED;
}

void
proof_look(struct clamds *c, size_t i, struct waiter *waiter)
{
	const struct deadline until = deadline_in(SCAN_PROOF_MS * 2);

	if (clamds_begin_proof(c, i, INT64_MAX, false) == CLAMDS_ASK)
		(void)prove(c, i, waiter, until, true);
}
