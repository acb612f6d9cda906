/*
 * How many clients the system's limit of descriptors carries.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_LIMITS_H
#define SRC_START_LIMITS_H

#include "src/config/settings_current.h"

/*
 * What a reload may need more: the file, and each other list of clamds a pipe
 * (2) and a connection; another look that finds none is made later.  The limit is
 * raised by it at the start, when root may.
 */
#define LIMITS_OF_RELOAD (1 + (SETTINGS_LISTS_MAX - 1) * 3)

/*
 * The descriptors that the daemon itself needs: those that are open now, and
 * those to come.  To be asked when it listens, and serves nobody yet.
 */
unsigned long limits_own(void);

/*
 * Raise the limit as far as MaxConnections needs it.  What a session may need is
 * set aside for it, so that a shortage is met where it costs nothing: at the
 * door.  Returns how many connections there may be at once; fewer than
 * MaxConnections are warned of, 0 is an error that was logged.
 */
int limits_raise(const struct settings *set, unsigned long own);

#endif
