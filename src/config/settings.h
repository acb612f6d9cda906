/*
 * The options: one immutable value that every session reads.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_CONFIG_SETTINGS_H
#define SRC_CONFIG_SETTINGS_H

#include <stdbool.h>

#include "common/addr_spec.h"
#include "common/net.h"
#include "src/scan/exempt.h"
#include "src/scan/policy.h"
#include "src/scan/scan_config.h"

#define MAX_CONNECTIONS_MAX 65535
#define SETTINGS_MAX 64 /* options; more than there are */

#define SETTINGS_COMMAND_LINE "command line" /* a where */
#define SETTINGS_HANDED_OVER "LISTEN_FDS" /* the where of such listens */

struct settings_value; /* memory of the values' texts */

struct settings {
	struct addr_list out_addresses; /* option OutAddress */
	struct addr_list listens; /* option Listen... */
	struct addr_choice listen_at; /* ... and what each of them stands for */
	int max_connections;
	struct scan_config scan;
	int timeout_ms;
	int keep_alives_ms; /* 0: none */
	struct policy_config policy;
	struct exempt_rules skip;
	bool quarantine;
	bool xclient;
	bool transparent_proxy;
	struct net_list proxies; /* option ProxyProtocol */
	bool debug_files; /* accepted, as 1.10 did, without effect */
	const char *header; /* template; "" for none */
	const char *temp_directory;
	const char *spool_directory; /* the same as clamd names it */
	const char *virus_action; /* "" for none */
	const char *user; /* NULL for none */
	const char *pid_file; /* "" for none */
	const char *stats_file; /* likewise */
	const char *where[SETTINGS_MAX]; /* for settings_where */
	const char *given[SETTINGS_MAX]; /* the values, as they were written */
	struct settings_value *values;
};

/* Set all defaults.  Returns 0, or -1 with ENOMEM. */
int settings_init(struct settings *s);

/*
 * Set one option as if the configuration file said so.  Names know no case.
 * where is "file:line" or SETTINGS_COMMAND_LINE, for messages; value is copied.
 * An option that is a list grows, but what the file says takes the place of what
 * the command line has said.
 * Returns 0, or -1 after an error was logged; settings_where tells all the same.
 */
int settings_set(
    struct settings *s, const char *name, const char *value, const char *where);

/* Has anybody tried to set the option? */
bool settings_was_set(const struct settings *s, const char *name);

/* Where the option was set, for a message: "file:line", "command line" or
 * "default".  Borrowed until settings_free. */
const char *settings_where(const struct settings *s, const char *name);

/*
 * Give TempDirectory the form in which clamd echoes paths (ScanMode: scan).
 * Called when the working directory is final.  Returns 0, or -1 with errno.
 */
int settings_fix_spool_directory(struct settings *s);

/* Give the memory back. */
void settings_free(struct settings *s);

#endif
