/*
 * Which clamd scans a message, and what is tried again.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/scanner.h"

#include "src/scan/proof.h"

struct search {
	const struct scan_config *config;
	struct content *content;
	struct waiter *waiter;
	struct deadline until;
	struct clamd_answer *answer;
	enum clamd_end end; /* of the last talk */
};

/* Why a clamd is set aside; NULL: it is not to blame. */
static const char *
name_fault(enum clamd_end end)
{
	switch (end) {
	case CLAMD_UNREACHED:
		return "no connection";
	case CLAMD_SILENT:
		return "no answer in time";
	case CLAMD_CLOSED:
		return "it closed without a word";
	case CLAMD_UNCLEAR:
		return "no verdict in its answer";
	case CLAMD_UNPROVED:
		return "no proof that it looks";
	case CLAMD_VERDICT:
	case CLAMD_CANCELLED:
	case CLAMD_NO_MEANS:
	case CLAMD_NO_FILE:
	case CLAMD_NO_CONTENT:
		break;
	}
	return NULL;
}

static bool
is_over(const struct search *s)
{
	return s->end == CLAMD_VERDICT || s->end == CLAMD_CANCELLED ||
	    s->end == CLAMD_NO_CONTENT || deadline_left_ms(s->until) == 0;
}

/* Was there all of it to look at, and is it there for the next one? */
static bool
has_content(const struct search *s, const struct clamd_order *order)
{
	if (s->end != CLAMD_VERDICT)
		return content_is_readable(s->content);
	return order->mode == SCAN_MODE_STREAM ||
	    s->answer->verdict != SCAN_CLEAN || content_is_whole(s->content);
}

/* One talk, behind which nobody may read a file that is used again. */
static void
talk(struct search *s, const struct clamd_order *order)
{
	s->end = clamd_scan(order, s->waiter, s->answer);
	if (order->mode != SCAN_MODE_STREAM && s->end != CLAMD_VERDICT &&
	    s->end != CLAMD_UNREACHED)
		content_retire(s->content);
	if (s->end != CLAMD_CANCELLED && !has_content(s, order))
		s->end = CLAMD_NO_CONTENT;
}

static enum scan_mode
choose_mode(const struct scan_config *config, size_t i)
{
	if (config->mode == SCAN_MODE_FILDES &&
	    !clamds_takes_files(config->clamds, i))
		return SCAN_MODE_STREAM;
	return config->mode;
}

static void
scan_at(struct search *s, size_t i, bool another_is_left)
{
	const struct scan_config *config = s->config;
	struct clamd_order order = {
	    .address = clamds_address(config->clamds, i),
	    .mode = choose_mode(config, i),
	    .content = s->content,
	    .connect_ms =
		another_is_left && config->timeout_ms > SCAN_CONNECT_MS
		? SCAN_CONNECT_MS
		: config->timeout_ms,
	    .timeout_ms = config->timeout_ms,
	    .until = s->until,
	};
	/* Set aside since by others, only a look brings it back. */
	const bool was_aside = clamds_is_set_aside(config->clamds, i);

	talk(s, &order);
	if (s->end == CLAMD_NO_FILE) {
		clamds_stop_files(config->clamds, i);
		order.mode = SCAN_MODE_STREAM;
		talk(s, &order);
	}
	/* Where clamd reads a file by itself it says OK also when it cannot:
	 * when its temporary directory is full or gone, say.  Streaming it
	 * would notice. */
	if (order.mode != SCAN_MODE_STREAM && s->end == CLAMD_VERDICT &&
	    s->answer->verdict == SCAN_CLEAN)
		s->end = proof_need(config->clamds, i, s->waiter, s->until);
	if (s->end == CLAMD_VERDICT && was_aside)
		clamds_bring_back(config->clamds, i);
	/* Who was not given the whole time has not failed. */
	if (!is_over(s) && name_fault(s->end) != NULL)
		clamds_set_aside(config->clamds, i, name_fault(s->end));
}

/*
 * Go down the list until one takes the connection, with that one last that has
 * failed already.  Returns the one, or CLAMDS_NONE.
 */
static size_t
scan_down(struct search *s, size_t failed)
{
	size_t order[ADDR_LIST_MAX];
	size_t count = clamds_order(s->config->clamds, failed, order);

	for (size_t n = 0; n < count && !is_over(s); n++) {
		scan_at(s, order[n], n + 1 < count);
		if (s->end != CLAMD_UNREACHED)
			return order[n];
	}
	return CLAMDS_NONE;
}

void
scanner_scan(const struct scan_config *config, struct content *content,
    struct waiter *waiter, struct deadline until, struct scan_result *result)
{
	struct search s = {
	    .config = config,
	    .content = content,
	    .waiter = waiter,
	    .until = until,
	    .answer = &result->said,
	    .end = CLAMD_UNREACHED,
	};
	size_t failed;

	*result = (struct scan_result){.verdict = SCAN_FAILED};
	failed = scan_down(&s, CLAMDS_NONE);
	if (failed != CLAMDS_NONE && !is_over(&s))
		(void)scan_down(&s, failed);
	if (s.end == CLAMD_VERDICT)
		result->verdict = result->said.verdict;
	result->cancelled = s.end == CLAMD_CANCELLED;
	result->content_lost = s.end == CLAMD_NO_CONTENT;
}
