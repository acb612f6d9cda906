/*
 * The line in the log about the start, and that about the end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_ANNOUNCEMENT_H
#define SRC_START_ANNOUNCEMENT_H

#include "src/config/settings.h"

/* Log what has become of us, the version, the ways in and out, and who we are. */
void announcement_log(const char *what, const struct settings *set);

#endif
