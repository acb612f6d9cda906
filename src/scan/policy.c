/*
 * The whole policy, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/policy.h"

static const struct policy defer = {.action = POLICY_ANSWER,
    .answer = ANSWER_LOCAL_ERROR};

static struct policy
answer_with(enum answer answer)
{
	return (struct policy){.action = POLICY_ANSWER, .answer = answer};
}

static struct policy
choose_for_infected(const struct policy_facts *f)
{
	struct policy p = {.runs_virus_action = true};

	switch (f->when_infected) {
	case WHEN_INFECTED_DROP:
		/* Without its copy it would be lost. */
		if (f->quarantine_failed)
			break;
		p.action = POLICY_ANSWER;
		p.answer = ANSWER_DISCARDED;
		return p;
	case WHEN_INFECTED_BOUNCE:
		p.action = POLICY_ANSWER;
		p.answer = ANSWER_REJECTED;
		return p;
	case WHEN_INFECTED_PASS:
		p.action = POLICY_FORWARD;
		p.mark = STAMP_INFECTED;
		return p;
	}
	return defer;
}

static struct policy
choose_by_verdict(const struct policy_facts *f)
{
	switch (f->verdict) {
	case SCAN_CLEAN:
		return (struct policy){
		    .action = POLICY_FORWARD, .mark = STAMP_SCANNED};
	case SCAN_INFECTED:
		return choose_for_infected(f);
	case SCAN_OVERSIZE:
		return answer_with(ANSWER_OVERSIZE);
	case SCAN_FAILED:
		break;
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
	if (f->bare_newline && f->when_bare_newline == BARE_NEWLINE_REJECT)
		return answer_with(ANSWER_BARE_NEWLINE);
	return (struct policy){.action = POLICY_SCAN};
}
