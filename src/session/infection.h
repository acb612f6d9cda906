/*
 * What is done about a virus beside the message's fate.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SESSION_INFECTION_H
#define SRC_SESSION_INFECTION_H

#include "src/mail/content.h"
#include "src/session/session.h"

/*
 * Keep a copy of the content (option Quarantine); its path becomes path.
 * Returns 0, or -1 after the failure was logged, and no path.
 */
int infection_keep(const struct content *content, struct strbuf *path);

/*
 * Run the administrator's program (option VirusAction).  copy is the path of
 * the copy, or empty.  Waits for its turn as hook_run does; a failure is logged.
 */
void infection_tell(
    struct session *s, const struct strbuf *virus, const struct strbuf *copy);

#endif
