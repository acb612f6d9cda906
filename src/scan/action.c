/*
 * The whole policy, pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/action.h"

static enum action
choose_for_infected(enum when_infected wish)
{
	switch (wish) {
	case WHEN_INFECTED_DROP:
		return ACTION_DISCARD;
	case WHEN_INFECTED_BOUNCE:
		return ACTION_REJECT;
	case WHEN_INFECTED_PASS:
		return ACTION_FORWARD_MARKED;
	}
	return ACTION_DEFER;
}

enum action
action_choose(enum scan_verdict verdict, enum when_infected wish)
{
	switch (verdict) {
	case SCAN_CLEAN:
		return ACTION_FORWARD;
	case SCAN_INFECTED:
		return choose_for_infected(wish);
	case SCAN_OVERSIZE:
		return ACTION_REJECT_OVERSIZE;
	case SCAN_FAILED:
		break;
	}
	return ACTION_DEFER;
}
