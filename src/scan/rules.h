/*
 * What becomes of viruses by their names: the option VirusRule.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_RULES_H
#define SRC_SCAN_RULES_H

#include <stdbool.h>
#include <stddef.h>

/* What the administrator wants for an infected message. */
enum when_infected {
	WHEN_INFECTED_DROP,
	WHEN_INFECTED_BOUNCE,
	WHEN_INFECTED_PASS,
	WHEN_INFECTED_TEMPFAIL /* of rules alone */
};

struct rule {
	char *pattern;
	enum when_infected action;
};

struct rules { /* zeroed: none */
	struct rule *list;
	size_t count;
};

/*
 * Add a rule behind the others: "PATTERN ACTION", where the pattern is all up to
 * the last blank, since names have blanks.  value is copied.
 * Returns 0, or -1 with EINVAL or ENOMEM.
 */
int rules_add(struct rules *r, const char *value);

/*
 * The first rule whose pattern fits the whole of name, as fnmatch(3) with
 * FNM_CASEFOLD; *action is what it says.  False when there is none.
 */
bool rules_find(
    const struct rules *r, const char *name, enum when_infected *action);

/*
 * The same for a name that tells of a limit of clamd's and of no virus: only
 * rules count whose pattern begins with "Heuristics.Limits.".
 */
bool rules_find_for_limit(
    const struct rules *r, const char *name, enum when_infected *action);

/* Give the memory back. */
void rules_free(struct rules *r);

#endif
