/*
 * Proof that a clamd can look: a small clean mail with an attachment, which it
 * must call clean.  (PING is answered by one that is loading or broken, and a
 * test virus would make its owner's alarms ring.)
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_PROOF_H
#define SRC_SCAN_PROOF_H

#include "src/scan/clamd.h"
#include "src/scan/clamds.h"

/*
 * Has the clamd proved that it could look when a scan ended that ends now?  Its
 * last proof must have begun less than SCAN_PROOF_AGE_MS ago; otherwise this
 * thread asks for one, or waits for the one that another thread asks for, by
 * waiter and until then.  The mail is no message in any count.
 * Returns CLAMD_VERDICT (it has), CLAMD_UNPROVED, CLAMD_NO_MEANS or
 * CLAMD_CANCELLED.
 */
enum clamd_end proof_need(
    struct clamds *c, size_t i, struct waiter *waiter, struct deadline until);

/*
 * Look at the clamd, which is set aside: with a proof it is back.  Waits by
 * waiter, for SCAN_PROOF_MS.  Logs nothing of a failure.
 */
void proof_look(struct clamds *c, size_t i, struct waiter *waiter);

#endif
