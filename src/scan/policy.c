/*
 * The whole policy, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/policy.h"

#include <stddef.h>

static const struct policy defer = {.action = POLICY_ANSWER,
    .answer = ANSWER_LOCAL_ERROR};

static struct policy
answer_with(enum answer answer)
{
	return (struct policy){.action = POLICY_ANSWER, .answer = answer};
}

static struct policy
forward_with(enum stamp_kind kind, const char *about)
{
	return (struct policy){
	    .action = POLICY_FORWARD, .mark = {.kind = kind, .about = about}};
}

static struct policy
handle_virus(struct policy p)
{
	p.handles_virus = true;
	return p;
}

/* What is wanted for a virus, or for a limit that a rule makes one. */
static struct policy
choose_by_wish(
    const struct policy_facts *f, enum when_infected wish, bool is_limit)
{
	switch (wish) {
	case WHEN_INFECTED_DROP:
		/* Without its copy it would be lost. */
		if (f->quarantine_failed)
			break;
		return handle_virus(answer_with(ANSWER_DISCARDED));
	case WHEN_INFECTED_BOUNCE:
		return handle_virus(answer_with(ANSWER_REJECTED));
	case WHEN_INFECTED_PASS:
		/* Nobody knows whether there is a virus beyond a limit. */
		if (is_limit)
			return forward_with(STAMP_UNSCANNED, f->name);
		return handle_virus(forward_with(STAMP_INFECTED, f->name));
	case WHEN_INFECTED_TEMPFAIL:
		break;
	}
	return defer;
}

static struct policy
choose_for_infected(const struct policy_facts *f)
{
	enum when_infected wish = f->config->action;

	if (f->name != NULL)
		(void)rules_find(&f->config->rules, f->name, &wish);
	return choose_by_wish(f, wish, false);
}

static struct policy
choose_for_unscanned(
    enum when_unscanned wish, enum answer rejection, const char *reason)
{
	switch (wish) {
	case WHEN_UNSCANNED_TEMPFAIL:
		break;
	case WHEN_UNSCANNED_REJECT:
		return answer_with(rejection);
	case WHEN_UNSCANNED_PASS:
		return forward_with(STAMP_UNSCANNED, reason);
	}
	return defer;
}

static struct policy
choose_for_oversize(const struct policy_facts *f)
{
	enum when_infected wish;

	if (f->name != NULL &&
	    rules_find_for_limit(&f->config->rules, f->name, &wish))
		return choose_by_wish(f, wish, true);
	return choose_for_unscanned(
	    f->config->oversize, ANSWER_OVERSIZE, f->name);
}

static struct policy
choose_by_verdict(const struct policy_facts *f)
{
	switch (f->verdict) {
	case SCAN_CLEAN:
		return forward_with(STAMP_SCANNED, NULL);
	case SCAN_INFECTED:
		return choose_for_infected(f);
	case SCAN_OVERSIZE:
		return choose_for_oversize(f);
	case SCAN_FAILED:
		/* It says nothing about clamd: the message comes again. */
		if (f->scan_given_up || f->content_failed)
			break;
		return choose_for_unscanned(
		    f->config->scan_fail, ANSWER_UNSCANNED, "no verdict");
	}
	return defer;
}

struct policy
policy_choose(const struct policy_facts *f)
{
	if (f->scanned)
		return choose_by_verdict(f);
	if (f->content_failed || f->upstream_lost)
		return defer;
	if (f->too_large)
		return answer_with(ANSWER_TOO_LARGE);
	if (f->bare_newline && f->config->bare_newline == BARE_NEWLINE_REJECT)
		return answer_with(ANSWER_BARE_NEWLINE);
	if (f->exempt)
		return forward_with(STAMP_NONE, NULL);
	return (struct policy){.action = POLICY_SCAN};
}
