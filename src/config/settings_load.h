/*
 * From the configuration file to settings, and the checks across options.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_CONFIG_SETTINGS_LOAD_H
#define SRC_CONFIG_SETTINGS_LOAD_H

#include "src/config/settings.h"

/*
 * Read the options from a file.  A missing file is a warning.
 * Returns 0, -1 after all errors in the file were logged, or -2 when it could not
 * be read, which was logged.
 */
int settings_load(struct settings *s, const char *path);

/*
 * Do the options go together?  path is named in the message.  What one option
 * says to several wings is handed on to them.  A Header that is no header field
 * is warned of and left out; what is odd in it is warned of.
 * Returns 0, or -1 after an error was logged.
 */
int settings_check(struct settings *s, const char *path);

#endif
