/*
 * Proof that a clamd can look.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/proof.h"

#include <stdio.h>
#include <unistd.h>

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

/* Returns whether there was a proof. */
static bool
ask(const struct clamd_order *order, struct waiter *waiter)
{
	struct scan_result result = {.verdict = SCAN_FAILED};
	enum clamd_end end = clamd_scan(order, waiter, &result);

	strbuf_free(&result.name);
	return end == CLAMD_VERDICT && result.verdict == SCAN_CLEAN;
}

void
proof_look(struct clamds *c, size_t i, struct waiter *waiter)
{
	struct strbuf mail = {0};
	struct clamd_order order = {
	    .address = clamds_address(c, i),
	    .connect_ms = SCAN_PROOF_MS,
	    .timeout_ms = SCAN_PROOF_MS,
	    .until = deadline_in(SCAN_PROOF_MS),
	    .is_look = true,
	};

	if (!clamds_begin_proof(c, i))
		return;
	make_mail(&mail);
	order.text = strbuf_str(&mail);
	if (!mail.failed && ask(&order, waiter))
		clamds_bring_back(c, i);
	clamds_end_proof(c, i);
	strbuf_free(&mail);
}
