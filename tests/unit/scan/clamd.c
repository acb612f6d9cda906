/*
 * One talk with clamd, whose part is played.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamd.h"

#include "src/scan/clamd_ask.h"
#include "tests/unit/party.h"

#define STEPS_MAX 4
#define OK "stream: OK\n"
#define FOUND "stream: Worm FOUND\n"
#define SIZE_REFUSED "INSTREAM size limit exceeded. ERROR\n"
#define LIMIT_NAME "Heuristics.Limits.Exceeded.MaxFileSize"
#define LIMIT "stream: " LIMIT_NAME " FOUND\n"

#define LEAVES                                                                 \
	{                                                                      \
		PARTY_LEAVE, T("")                                             \
	}
#define CANCELS                                                                \
	{                                                                      \
		PARTY_CANCEL, T("")                                            \
	}

struct play {
	const char *title;
	const char *early; /* said before a word of ours was there */
	struct party_step steps[STEPS_MAX];
	enum scan_verdict verdict;
	bool answered;
	enum clamd_end end;
	const char *name; /* of the virus, if there is one */
};

/* One play at a time. */
static const struct play *play_now;
static enum scan_mode mode_now;
static struct party clamd = {.fd = -1};

int __wrap_sock_connect(
    const struct addr *a, struct waiter *waiter, struct deadline d);

/* The linker puts this in the place of sock_connect. */
int
__wrap_sock_connect(
    const struct addr *a, struct waiter *waiter, struct deadline d)
{
	const char *early = play_now->early;
	int fd = party_open(&clamd, play_now->steps);

	(void)a, (void)waiter, (void)d;
	if (early != NULL)
		party_say(&clamd, (struct text){early, strlen(early)});
	return fd;
}

/* A line of so many octets with its end, or nothing. */
static void
open_content(struct content *content, size_t octets)
{
	content_open(content, "/tmp", NULL, false);
	for (size_t i = 2; i < octets; i++)
		assert_int_equal(content_take(content, "x", 1), 1);
	if (octets > 0)
		assert_int_equal(content_take(content, "\r\n", 2), 2);
	assert_int_equal(content_take(content, ".\r\n", 3), 3);
	content_finish(content);
	assert_false(content->failed);
	assert_int_equal(content_size(content), octets);
}

/* Have the play played for content of so many octets. */
static enum clamd_end
perform(const struct play *play, size_t octets, struct clamd_answer *result)
{
	struct addr_spec address;
	struct clamd_order order = {.address = &address,
	    .mode = mode_now,
	    .connect_ms = 60000,
	    .timeout_ms = 60000,
	    .until = deadline_in(600000)};
	struct content content;
	enum clamd_end end;

	assert_int_equal(addr_spec_parse(&address, "/clamd", 0), 0);
	party_close(&clamd);
	play_now = play;
	open_content(&content, octets);
	order.content = &content;
	*result = (struct clamd_answer){.verdict = SCAN_CLEAN};
	end = clamd_scan(&order, &clamd.waiter, result);
	party_leave(&clamd);
	content_close(&content);
	return end;
}

static const struct play plays[] = {
    {"clean", NULL, {{PARTY_SAY, T(OK)}, LEAVES}, SCAN_CLEAN, true,
	CLAMD_VERDICT, NULL},
    {"clean, in pieces", NULL,
	{{PARTY_SAY, T("stream:")}, {PARTY_SAY, T(" OK")}, {PARTY_SAY, T("\n")},
	    LEAVES},
	SCAN_CLEAN, true, CLAMD_VERDICT, NULL},
    {"stays open", NULL, {{PARTY_SAY, T(OK)}}, SCAN_CLEAN, true, CLAMD_VERDICT,
	NULL},
    {"found", NULL, {{PARTY_SAY, T(FOUND)}}, SCAN_INFECTED, true, CLAMD_VERDICT,
	"Worm"},
    {"limit", NULL, {{PARTY_SAY, T(LIMIT)}}, SCAN_OVERSIZE, true, CLAMD_VERDICT,
	LIMIT_NAME},
    {"size refused", NULL, {{PARTY_SAY, T(SIZE_REFUSED)}, LEAVES},
	SCAN_OVERSIZE, true, CLAMD_VERDICT, "StreamMaxLength"},
    {"size refused early", SIZE_REFUSED, {LEAVES}, SCAN_OVERSIZE, true,
	CLAMD_VERDICT, "StreamMaxLength"},
    {"OK early", OK, {LEAVES}, SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"half of OK early", "stream: ", {{PARTY_SAY, T("OK\n")}, LEAVES},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"found early", FOUND, {LEAVES}, SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"OK, and leaves what it was sent", NULL,
	{{PARTY_BLURT, T(OK)}, {PARTY_BREAK, T("")}}, SCAN_FAILED, true,
	CLAMD_UNCLEAR, NULL},
    {"OK, and reads nothing", NULL, {{PARTY_BLURT, T(OK)}}, SCAN_FAILED, true,
	CLAMD_UNCLEAR, NULL},
    {"found, and reads nothing", NULL, {{PARTY_BLURT, T(FOUND)}}, SCAN_FAILED,
	true, CLAMD_UNCLEAR, NULL},
    {"OK, found", NULL, {{PARTY_SAY, T(OK FOUND)}, LEAVES}, SCAN_INFECTED, true,
	CLAMD_VERDICT, "Worm"},
    {"OK, later found", NULL,
	{{PARTY_SAY, T(OK)}, {PARTY_SAY, T(FOUND)}, LEAVES}, SCAN_INFECTED,
	true, CLAMD_VERDICT, "Worm"},
    {"OK, later half of found", NULL,
	{{PARTY_SAY, T(OK)}, {PARTY_SAY, T("stream: W")},
	    {PARTY_SAY, T("orm FOUND\n")}},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"OK, OK", NULL, {{PARTY_SAY, T(OK)}, {PARTY_SAY, T(OK)}, LEAVES},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"OK, an octet", NULL, {{PARTY_SAY, T(OK)}, {PARTY_SAY, T("x")}, LEAVES},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"OK, NUL", NULL, {{PARTY_SAY, T(OK)}, {PARTY_SAY, T("\0")}, LEAVES},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"OK, an empty line", NULL,
	{{PARTY_SAY, T(OK)}, {PARTY_SAY, T("\n")}, LEAVES}, SCAN_FAILED, true,
	CLAMD_UNCLEAR, NULL},
    {"OK, a limit", NULL, {{PARTY_SAY, T(OK)}, {PARTY_SAY, T(LIMIT)}},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"OK without its end", NULL, {{PARTY_SAY, T("stream: OK")}, LEAVES},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"ERROR", NULL, {{PARTY_SAY, T("stream: x ERROR\n")}}, SCAN_FAILED, true,
	CLAMD_UNCLEAR, NULL},
    {"silence", NULL, {{PARTY_END, T("")}}, SCAN_FAILED, true, CLAMD_SILENT,
	NULL},
    {"half an answer", NULL, {{PARTY_SAY, T("stream: ")}}, SCAN_FAILED, true,
	CLAMD_SILENT, NULL},
    {"closes", NULL, {LEAVES}, SCAN_FAILED, false, CLAMD_CLOSED, NULL},
    {"cancelled", NULL, {CANCELS}, SCAN_FAILED, false, CLAMD_CANCELLED, NULL},
    {"OK, cancelled", NULL, {{PARTY_SAY, T(OK)}, CANCELS}, SCAN_FAILED, false,
	CLAMD_CANCELLED, NULL},
};

static void
check(const struct play *p, enum clamd_end end, const struct clamd_answer *r)
{
	const struct text title = {p->title, strlen(p->title)};

	expect_number(title, "verdict", r->verdict, p->verdict);
	expect_number(title, "answered", r->engaged, p->answered);
	expect_number(title, "end", end, p->end);
	/* Who has given the verdict. */
	expect_number(title, "clamd",
	    r->clamd != NULL && strcmp(r->clamd, "/clamd") == 0,
	    p->end == CLAMD_VERDICT);
	expect_text(title, strbuf_str(&r->name), r->name.len,
	    (struct text){p->name == NULL ? "" : p->name,
		p->name == NULL ? 0 : strlen(p->name)});
}

static void
believes_what_comes_last_and_alone(void **state)
{
	static const size_t sizes[] = {0, 20, SPOOL_BLOCK_SIZE + 1};

	(void)state;
	for (size_t i = 0; i < COUNT(plays) * COUNT(sizes); i++) {
		struct clamd_answer result;

		enum clamd_end end = perform(
		    &plays[i / COUNT(sizes)], sizes[i % COUNT(sizes)], &result);
		check(&plays[i / COUNT(sizes)], end, &result);
		strbuf_free(&result.name);
	}
}

static const struct play plays_by_descriptor[] = {
    {"clean", NULL, {{PARTY_SAY, T("fd[11]: OK\0")}, LEAVES}, SCAN_CLEAN, true,
	CLAMD_VERDICT, NULL},
    {"found", NULL, {{PARTY_SAY, T("fd[11]: Worm FOUND\0")}, LEAVES},
	SCAN_INFECTED, true, CLAMD_VERDICT, "Worm"},
    {"OK of a stream", NULL, {{PARTY_SAY, T(OK)}, LEAVES}, SCAN_FAILED, true,
	CLAMD_UNCLEAR, NULL},
    {"OK early", "fd[11]: OK\0", {{PARTY_SAY, T("\0")}, LEAVES}, SCAN_FAILED,
	true, CLAMD_UNCLEAR, NULL},
    {"OK, and reads nothing", NULL, {{PARTY_BLURT, T("fd[11]: OK\0")}},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"an error", NULL, {{PARTY_SAY, T("fd[11]: x ERROR\0")}, LEAVES},
	SCAN_FAILED, true, CLAMD_UNCLEAR, NULL},
    {"no descriptor", NULL,
	{{PARTY_SAY, T("No file descriptor received. ERROR\0")}, LEAVES},
	SCAN_FAILED, true, CLAMD_NO_FILE, NULL},
    {"unknown", NULL, {{PARTY_SAY, T("UNKNOWN COMMAND\0")}, LEAVES},
	SCAN_FAILED, true, CLAMD_NO_FILE, NULL},
    {"closes", NULL, {LEAVES}, SCAN_FAILED, false, CLAMD_NO_FILE, NULL},
    {"silence", NULL, {{PARTY_END, T("")}}, SCAN_FAILED, true, CLAMD_SILENT,
	NULL},
    {"cancelled", NULL, {CANCELS}, SCAN_FAILED, false, CLAMD_CANCELLED, NULL},
};

static void
knows_when_a_descriptor_may_not_be_there(void **state)
{
	(void)state;
	mode_now = SCAN_MODE_FILDES;
	for (size_t i = 0; i < COUNT(plays_by_descriptor); i++) {
		const struct play *p = &plays_by_descriptor[i];
		struct clamd_answer result;
		enum clamd_end end = perform(p, 20, &result);

		check(p, end, &result);
		strbuf_free(&result.name);
	}
	mode_now = SCAN_MODE_STREAM;
}

/* Who speaks early never gets the mark that ends the content. */
static void
keeps_the_end_mark_back(void **state)
{
	static const struct play early = {"early", OK,
	    {{PARTY_SAY, T("x")}, LEAVES}, SCAN_FAILED, true, CLAMD_UNCLEAR,
	    NULL};
	static const struct play fair = {"fair", NULL,
	    {{PARTY_SAY, T(OK)}, LEAVES}, SCAN_CLEAN, true, CLAMD_VERDICT,
	    NULL};
	static const size_t sizes[] = {0, 20, SPOOL_BLOCK_SIZE + 1};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		const size_t all = strlen("nINSTREAM\n") + 4 +
		    strlen(CLAMD_SCAN_LINE) + (sizes[i] > 0 ? 4 : 0) + sizes[i];
		struct clamd_answer result;

		perform(&fair, sizes[i], &result);
		assert_int_equal(clamd.heard.len, all + 4);
		assert_memory_equal(clamd.heard.data + all, "\0\0\0", 4);
		perform(&early, sizes[i], &result);
		assert_true(clamd.heard.len <= all);
	}
}

static int
clean_up(void **state)
{
	(void)state;
	party_close(&clamd);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(believes_what_comes_last_and_alone),
	    cmocka_unit_test(knows_when_a_descriptor_may_not_be_there),
	    cmocka_unit_test(keeps_the_end_mark_back),
	};

	return cmocka_run_group_tests(tests, NULL, clean_up);
}
