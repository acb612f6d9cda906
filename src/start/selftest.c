/*
 * What do the clamds find?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/selftest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/log.h"
#include "common/resolver.h"
#include "src/config/settings_load.h"
#include "src/scan/scanner.h"
#include "src/start/identity.h"
#include "src/start/neighbours.h"
#include "src/start/specimen.h"

#define MEGABYTE ((size_t)1 << 20) /* as clamd.conf(5) counts: "25M" */
#define SCAN_MS 540000 /* for one message, as in a session */

static const char *const specimen_names[SPECIMEN_COUNT] = {
    [SPECIMEN_TEXT] = "as the only text",
    [SPECIMEN_BASE64] = "in base64",
    [SPECIMEN_ZIP] = "in a zip archive",
    [SPECIMEN_ODD_HEADER] = "behind an odd first line",
};
static const size_t ladder[] = {1, 5, 10, 25, 50, 100}; /* MEGABYTEs */

enum outcome {
	FOUND,
	PASSED, /* clamd has said OK */
	REFUSED, /* clamd has said that it is too large */
	NO_ANSWER,
	NO_ROOM /* for the message, in TempDirectory */
};

static const char *const outcome_names[] = {
    [FOUND] = "found",
    [PASSED] = "PASSED",
    [REFUSED] = "refused",
    [NO_ANSWER] = "no answer",
    [NO_ROOM] = "TempDirectory is too small",
};

struct selftest {
	const struct settings *set;
	struct scan_config one; /* with a single clamd */
	struct clamds clamds;
	struct strbuf name; /* that clamd told last; freed by its user */
};

static bool
has_room(const struct settings *set, size_t size)
{
	struct statvfs v;

	return statvfs(set->spool_directory, &v) < 0 || v.f_frsize == 0 ||
	    v.f_bavail > size / v.f_frsize + 1;
}

static enum outcome
outcome_of(const struct scan_result *r)
{
	switch (r->verdict) {
	case SCAN_CLEAN:
		return PASSED;
	case SCAN_INFECTED:
		return FOUND;
	case SCAN_OVERSIZE:
		return REFUSED;
	case SCAN_FAILED:
		break;
	}
	return NO_ANSWER;
}

static enum outcome
try(struct selftest *t, enum specimen specimen, size_t size)
{
	struct scan_result result = {.verdict = SCAN_FAILED};
	enum outcome outcome = NO_ROOM;
	struct content content;

	if (!has_room(t->set, size))
		return NO_ROOM;
	content_open(&content, t->set->spool_directory,
	    clamd_first_line(&t->one), t->one.mode == SCAN_MODE_SCAN);
	if (specimen_make(&content, specimen, size) == 0) {
		scanner_scan(
		    &t->one, &content, NULL, deadline_in(SCAN_MS), &result);
		outcome = outcome_of(&result);
	}
	content_close(&content);
	strbuf_free(&t->name);
	t->name = result.said.name;
	return outcome;
}

static void
print_row(const struct selftest *t, const char *what, enum outcome outcome)
{
	const bool has_name = outcome == FOUND || outcome == REFUSED;

	printf("  %-26s %-10s %s\n", what, outcome_names[outcome],
	    has_name ? strbuf_str(&t->name) : "");
	(void)fflush(stdout);
}

/* Returns how the worst of them ended: FOUND, or one that was not. */
static enum outcome
try_specimens(struct selftest *t)
{
	enum outcome worst = FOUND;

	for (int i = 0; i < SPECIMEN_COUNT; i++) {
		enum outcome outcome = try(t, (enum specimen)i, 0);

		print_row(t, specimen_names[i], outcome);
		if (outcome != FOUND)
			worst = outcome;
		if (outcome == NO_ANSWER || outcome == NO_ROOM)
			break;
	}
	return worst;
}

/* Returns whether clamd has answered to the end. */
static bool
climb(struct selftest *t)
{
	enum outcome outcome = FOUND;
	size_t passed = 0; /* the first that it did not look at */
	char what[64];

	for (size_t i = 0; i < sizeof ladder / sizeof ladder[0] &&
	     outcome != NO_ANSWER && outcome != NO_ROOM;
	     i++) {
		outcome = try(t, SPECIMEN_BASE64, ladder[i] * MEGABYTE);
		snprintf(what, sizeof what, "at the end of %zu MB", ladder[i]);
		print_row(t, what, outcome);
		if (outcome == PASSED && passed == 0)
			passed = ladder[i];
	}
	if (passed != 0)
		printf("From %zu MB on it says OK without having looked: see "
		       "MaxFileSize, MaxScanSize and\nAlertExceedsMax in "
		       "clamd.conf(5).\n",
		    passed);
	else if (outcome != NO_ANSWER && outcome != NO_ROOM)
		printf("It never said OK without having looked.\n");
	return outcome != NO_ANSWER;
}

/* Returns whether all is well with it. */
static bool
try_clamd(struct selftest *t, size_t i)
{
	static const char *const modes[] = {[SCAN_MODE_STREAM] = "stream",
	    [SCAN_MODE_FILDES] = "fildes",
	    [SCAN_MODE_SCAN] = "scan"};
	enum outcome worst;
	bool answers;

	t->one = t->set->scan;
	t->one.addresses.spec[0] = t->set->scan.addresses.spec[i];
	t->one.addresses.count = 1;
	t->one.clamds = &t->clamds;
	if (clamds_open(&t->clamds, &t->one) < 0) {
		log_error("couldn't start: %m");
		return false;
	}
	printf("%sclamd %s, ScanMode %s: the test virus\n", i == 0 ? "" : "\n",
	    t->one.addresses.spec[0].text, modes[t->one.mode]);
	worst = try_specimens(t);
	answers = worst != NO_ANSWER && worst != NO_ROOM && climb(t);
	clamds_close(&t->clamds);
	return answers && worst == FOUND;
}

/* As the daemon, where that can be; returns an exit status. */
static int
become_daemon(struct settings *set)
{
	struct identity id;

	if (geteuid() == 0 &&
	    (identity_choose(&id, set) < 0 || identity_become(&id) < 0))
		return EXIT_FAILURE;
	if (access(set->temp_directory, W_OK | X_OK) < 0 ||
	    settings_fix_spool_directory(set) < 0) {
		log_error("invalid setting: TempDirectory (%s: %s: %m)",
		    settings_where(set, "TempDirectory"), set->temp_directory);
		return EXIT_FAILURE;
	}
	/* A message that is too large, a clamd that is gone: errno tells. */
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	return EXIT_SUCCESS;
}

int
selftest_run(struct settings *set, const struct arguments *args)
{
	struct selftest t = {.set = set};
	int status;

	if (args->debug_level < 0)
		log_to_console(LOG_WARNING - LOG_ERR);
	if (arguments_apply_old(args, set) < 0 ||
	    settings_load(set, args->config) < 0 ||
	    settings_check(set, args->config) < 0)
		return EXIT_USAGE;
	status = become_daemon(set);
	if (status != EXIT_SUCCESS)
		return status;
	resolver_start();
	neighbours_look_up(set, neighbours_take_rest, NULL);
	for (size_t i = 0; i < set->scan.addresses.count; i++)
		if (!try_clamd(&t, i))
			status = EXIT_FAILURE;
	strbuf_free(&t.name);
	resolver_stop();
	return status;
}
