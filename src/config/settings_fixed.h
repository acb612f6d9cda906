/*
 * What is the same for as long as the daemon runs, and where it listens.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_CONFIG_SETTINGS_FIXED_H
#define SRC_CONFIG_SETTINGS_FIXED_H

#include "src/config/settings.h"

/* No Listen counts any more: each that does is added once more. */
void settings_forget_listens(struct settings *s);

/* This Listen stands for this address.  ADDR_LIST_MAX of them at most. */
void settings_add_listen(
    struct settings *s, const struct addr_spec *spec, const struct addr *at);

/*
 * Let s have what cannot change while the daemon runs (Listen, User,
 * TempDirectory, PidFile) from first, whose memory must live longer; where s
 * said otherwise, a warning tells.
 */
void settings_keep_fixed(struct settings *s, const struct settings *first);

#endif
