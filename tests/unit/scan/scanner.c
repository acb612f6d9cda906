/*
 * Which clamd is asked, and what is tried again: the talks are played, each by
 * what the play says of the clamd's next one; the clock is the play's.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/scanner.h"

#include <time.h>

#include "src/scan/proof.h"
#include "tests/unit/unit.h"

#define CLAMDS 3
#define TALKS_MAX 8

/* What a letter of a script means. */
static const struct meaning {
	char letter;
	enum clamd_end end;
	enum scan_verdict verdict;
} meanings[] = {
    {'c', CLAMD_VERDICT, SCAN_CLEAN}, {'v', CLAMD_VERDICT, SCAN_INFECTED},
    {'o', CLAMD_VERDICT, SCAN_OVERSIZE}, {'u', CLAMD_UNREACHED, SCAN_FAILED},
    {'s', CLAMD_SILENT, SCAN_FAILED}, {'x', CLAMD_CLOSED, SCAN_FAILED},
    {'e', CLAMD_UNCLEAR, SCAN_FAILED}, {'f', CLAMD_NO_FILE, SCAN_FAILED},
    {'m', CLAMD_NO_MEANS, SCAN_FAILED}, {'q', CLAMD_CANCELLED, SCAN_FAILED},
    {'t', CLAMD_SILENT, SCAN_FAILED}, /* and the budget is used up */
    {'l', CLAMD_CLOSED, SCAN_FAILED}, /* and the content cannot be read */
    {'w', CLAMD_VERDICT, SCAN_CLEAN}, /* and it is not whole any more */
};

/* Who was asked how: "0S 1F", and "0P" for a proof. */
static struct {
	const char *next[CLAMDS]; /* letters: talks about messages */
	const char *proof[CLAMDS]; /* letters: proofs */
	int64_t now_ms;
	char asked[128];
	int connect_ms; /* that the last talk had */
	bool is_lost; /* the content */
} stage;

static struct scan_config config;
static struct clamds clamds;

enum clamd_end __wrap_clamd_scan(const struct clamd_order *order,
    struct waiter *waiter, struct clamd_answer *answer);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
bool __wrap_content_is_readable(const struct content *content);
bool __wrap_content_is_whole(const struct content *content);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = stage.now_ms / 1000;
	ts->tv_nsec = stage.now_ms % 1000 * 1000000;
	return 0;
}

bool
__wrap_content_is_readable(const struct content *content)
{
	(void)content;
	return !stage.is_lost;
}

bool
__wrap_content_is_whole(const struct content *content)
{
	(void)content;
	return !stage.is_lost;
}

static void
note(size_t i, char how)
{
	size_t len = strlen(stage.asked);

	assert_true(len + 4 < sizeof stage.asked);
	snprintf(stage.asked + len, sizeof stage.asked - len, "%s%zu%c",
	    len == 0 ? "" : " ", i, how);
}

/* The linker puts this in the place of clamd_scan. */
enum clamd_end
__wrap_clamd_scan(const struct clamd_order *order, struct waiter *waiter,
    struct clamd_answer *answer)
{
	static const char modes[] = "SFN";
	size_t i = (size_t)(order->address - config.addresses.spec);
	const char **script =
	    order->content == NULL ? &stage.proof[i] : &stage.next[i];
	const struct meaning *m = meanings;

	(void)waiter;
	note(i, order->content == NULL ? 'P' : modes[order->mode]);
	stage.connect_ms = order->connect_ms;
	assert_true(*script != NULL && **script != '\0');
	while (m->letter != **script)
		m++;
	(*script)++;
	if (m->letter == 't')
		stage.now_ms += 1000000;
	stage.now_ms += 10;
	stage.is_lost = m->letter == 'l' || m->letter == 'w';
	answer->verdict = m->verdict;
	return m->end;
}

static enum scan_verdict
scan(struct scan_result *result)
{
	static struct content content;

	stage.asked[0] = '\0';
	content = (struct content){.spool = {.fd = -1}};
	scanner_scan(&config, &content, NULL, deadline_in(540000), result);
	strbuf_free(&result->said.name);
	return result->verdict;
}

static int
begin(void **state)
{
	static const char *const addresses[CLAMDS] = {"/a", "/b", "1.2.3.4:5"};

	(void)state;
	memset(&stage, 0, sizeof stage);
	stage.now_ms = 100000;
	config = (struct scan_config){.timeout_ms = 180000, .clamds = &clamds};
	for (size_t i = 0; i < CLAMDS; i++)
		assert_int_equal(
		    addr_spec_parse(&config.addresses.spec[i], addresses[i], 0),
		    0);
	config.addresses.count = CLAMDS;
	return clamds_open(&clamds, &config);
}

static int
end(void **state)
{
	(void)state;
	clamds_close(&clamds);
	return 0;
}

static const struct {
	const char *title;
	enum scan_mode mode;
	const char *next[CLAMDS], *proof[CLAMDS];
	const char *asked; /* in all */
	enum scan_verdict verdict;
	const char *aside; /* a letter a clamd behind it: a is set aside */
} rows[] = {
    {"clean", SCAN_MODE_STREAM, {"c"}, {NULL}, "0S", SCAN_CLEAN, "..."},
    {"found", SCAN_MODE_STREAM, {"v"}, {NULL}, "0S", SCAN_INFECTED, "..."},
    {"too big", SCAN_MODE_STREAM, {"o"}, {NULL}, "0S", SCAN_OVERSIZE, "..."},
    {"away", SCAN_MODE_STREAM, {"u", "c"}, {NULL}, "0S 1S", SCAN_CLEAN, "a.."},
    {"two away", SCAN_MODE_STREAM, {"u", "u", "c"}, {NULL}, "0S 1S 2S",
	SCAN_CLEAN, "aa."},
    {"all away", SCAN_MODE_STREAM, {"u", "u", "u"}, {NULL}, "0S 1S 2S",
	SCAN_FAILED, "aaa"},
    {"fails", SCAN_MODE_STREAM, {"x", "c"}, {NULL}, "0S 1S", SCAN_CLEAN, "a.."},
    {"two fail", SCAN_MODE_STREAM, {"e", "s"}, {NULL}, "0S 1S", SCAN_FAILED,
	"aa."},
    {"fails, others away", SCAN_MODE_STREAM, {"xc", "u", "u"}, {NULL},
	"0S 1S 2S 0S", SCAN_CLEAN, ".aa"},
    {"fails, and again", SCAN_MODE_STREAM, {"xx", "u", "u"}, {NULL},
	"0S 1S 2S 0S", SCAN_FAILED, "aaa"},
    {"cancelled", SCAN_MODE_STREAM, {"q"}, {NULL}, "0S", SCAN_FAILED, "..."},
    {"the second is cancelled", SCAN_MODE_STREAM, {"x", "q"}, {NULL}, "0S 1S",
	SCAN_FAILED, "a.."},
    {"no time is left", SCAN_MODE_STREAM, {"t"}, {NULL}, "0S", SCAN_FAILED,
	"..."},
    {"no descriptors of our own", SCAN_MODE_STREAM, {"m", "m"}, {NULL}, "0S 1S",
	SCAN_FAILED, "..."},
    {"the content is lost", SCAN_MODE_STREAM, {"l"}, {NULL}, "0S", SCAN_FAILED,
	"..."},
    {"it is lost by file", SCAN_MODE_FILDES, {"l"}, {NULL}, "0F", SCAN_FAILED,
	"..."},
    {"it is not whole", SCAN_MODE_FILDES, {"w"}, {NULL}, "0F", SCAN_FAILED,
	"..."},
    {"nor by path", SCAN_MODE_SCAN, {"w"}, {NULL}, "0N", SCAN_FAILED, "..."},
    {"streamed it was seen", SCAN_MODE_STREAM, {"w"}, {NULL}, "0S", SCAN_CLEAN,
	"..."},
    {"by file", SCAN_MODE_FILDES, {"c"}, {"c"}, "0F 0P", SCAN_CLEAN, "..."},
    {"found by file", SCAN_MODE_FILDES, {"v"}, {NULL}, "0F", SCAN_INFECTED,
	"..."},
    {"by path", SCAN_MODE_SCAN, {"c"}, {"c"}, "0N 0P", SCAN_CLEAN, "..."},
    {"not proved", SCAN_MODE_FILDES, {"c", "c"}, {"e", "c"}, "0F 0P 1F 1P",
	SCAN_CLEAN, "a.."},
    {"a virus is no proof", SCAN_MODE_FILDES, {"c", "v"}, {"v"}, "0F 0P 1F",
	SCAN_INFECTED, "a.."},
    {"a size is no proof", SCAN_MODE_SCAN, {"c", "o"}, {"o"}, "0N 0P 1N",
	SCAN_OVERSIZE, "a.."},
    {"none is proved", SCAN_MODE_FILDES, {"c", "c"}, {"s", "x"}, "0F 0P 1F 1P",
	SCAN_FAILED, "aa."},
    {"no descriptors for a proof", SCAN_MODE_FILDES, {"c", "c"}, {"m", "c"},
	"0F 0P 1F 1P", SCAN_CLEAN, "..."},
    {"nor for another", SCAN_MODE_SCAN, {"c", "c"}, {"m", "m"}, "0N 0P 1N 1P",
	SCAN_FAILED, "..."},
    {"the proof is cancelled", SCAN_MODE_FILDES, {"c"}, {"q"}, "0F 0P",
	SCAN_FAILED, "..."},
    {"no file", SCAN_MODE_FILDES, {"fc"}, {NULL}, "0F 0S", SCAN_CLEAN, "..."},
    {"no file, and fails", SCAN_MODE_FILDES, {"fe", "c"}, {NULL, "c"},
	"0F 0S 1F 1P", SCAN_CLEAN, "a.."},
    {"no file, and away", SCAN_MODE_FILDES, {"fu", "c"}, {NULL, "c"},
	"0F 0S 1F 1P", SCAN_CLEAN, "a.."},
    {"no path", SCAN_MODE_FILDES, {"u", "u", "c"}, {NULL}, "0F 1F 2S",
	SCAN_CLEAN, "aa."},
};

static void
goes_down_the_list(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct text title = {
		    rows[i].title, strlen(rows[i].title)};
		struct scan_result result;

		assert_int_equal(begin(state), 0);
		config.mode = rows[i].mode;
		memcpy(stage.next, rows[i].next, sizeof stage.next);
		memcpy(stage.proof, rows[i].proof, sizeof stage.proof);
		expect_number(title, "verdict", scan(&result), rows[i].verdict);
		expect_text(title, stage.asked, strlen(stage.asked),
		    (struct text){rows[i].asked, strlen(rows[i].asked)});
		for (size_t n = 0; n < CLAMDS; n++)
			expect_number(title, "aside",
			    clamds_is_set_aside(&clamds, n),
			    rows[i].aside[n] == 'a');
		end(state);
	}
}

static void
expect_asked(const char *next0, const char *next1, const char *asked)
{
	struct scan_result result;

	stage.next[0] = next0;
	stage.next[1] = next1;
	(void)scan(&result);
	assert_string_equal(stage.asked, asked);
}

static void
remembers_who_failed(void **state)
{
	(void)state;
	expect_asked("x", "c", "0S 1S");
	expect_asked("", "c", "1S");
	expect_asked("", "v", "1S");
	/* Only a look brings it back... */
	stage.proof[0] = "ec";
	proof_look(&clamds, 0, NULL);
	expect_asked("", "c", "1S");
	proof_look(&clamds, 0, NULL);
	expect_asked("c", "", "0S");
	/* ... or a verdict, when nobody else is left. */
	stage.next[2] = "u";
	expect_asked("u", "u", "0S 1S 2S");
	expect_asked("v", "", "0S");
	assert_false(clamds_is_set_aside(&clamds, 0));
	assert_true(clamds_is_set_aside(&clamds, 1));
}

static void
shares_the_time_to_connect(void **state)
{
	(void)state;
	stage.next[2] = "c";
	expect_asked("u", "c", "0S 1S");
	assert_int_equal(stage.connect_ms, SCAN_CONNECT_MS);
	expect_asked("u", "u", "1S 2S");
	assert_int_equal(stage.connect_ms, SCAN_CONNECT_MS);
	stage.next[2] = "u";
	expect_asked("u", "u", "2S 0S 1S");
	assert_int_equal(stage.connect_ms, config.timeout_ms);
	config.addresses.count = 1;
	expect_asked("c", "", "0S");
	assert_int_equal(stage.connect_ms, config.timeout_ms);
}

static void
asks_for_proof_when_it_is_old(void **state)
{
	(void)state;
	config.mode = SCAN_MODE_FILDES;
	stage.proof[0] = "cc";
	expect_asked("c", "", "0F 0P"); /* begun at 100010 */
	stage.now_ms = 100000 + SCAN_PROOF_AGE_MS - 10;
	expect_asked("c", "", "0F"); /* ends 4990 later */
	stage.now_ms = 100000 + SCAN_PROOF_AGE_MS;
	expect_asked("c", "", "0F 0P");
	/* The last one counts, if it was bad too. */
	stage.now_ms += 1000;
	stage.proof[0] = "e";
	clamds_set_aside(&clamds, 0, "test");
	proof_look(&clamds, 0, NULL);
	stage.proof[0] = "c";
	config.addresses.count = 1;
	expect_asked("c", "", "0F 0P");
	assert_false(clamds_is_set_aside(&clamds, 0));
}

static void
streams_for_a_while(void **state)
{
	(void)state;
	config.mode = SCAN_MODE_FILDES;
	stage.proof[0] = "c";
	expect_asked("fc", "", "0F 0S");
	expect_asked("c", "", "0S");
	stage.now_ms += SCAN_STREAM_MS - 100;
	expect_asked("c", "", "0S");
	stage.now_ms += 100;
	expect_asked("c", "", "0F 0P");
}

static void
gives_up_a_file_that_may_be_read(void **state)
{
	static const struct {
		const char *next;
		bool retired;
	} cases[] = {{"c", false}, {"v", false}, {"fxx", true}, {"fc", true},
	    {"ss", true}, {"ee", true}, {"q", true}, {"u", false}};

	(void)state;
	config.mode = SCAN_MODE_FILDES;
	config.addresses.count = 1;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct content content = {.spool = {.fd = -1}};
		struct scan_result result;

		clamds.known[0] = (struct clamds_known){0};
		stage.next[0] = cases[i].next;
		stage.proof[0] = "c";
		stage.asked[0] = '\0';
		scanner_scan(
		    &config, &content, NULL, deadline_in(540000), &result);
		assert_int_equal(content.spool.retired, cases[i].retired);
	}
}

/* Who waits for another thread's proof takes what comes of it, once. */
static enum io
let_it_end(struct waiter *self, int fd, short events, struct deadline d)
{
	(void)self, (void)fd, (void)events;
	stage.now_ms = d.at_ms;
	if (stage.now_ms < 100500)
		return IO_TIMEOUT;
	if (stage.proof[1] == NULL)
		return IO_CANCELLED;
	clamds_end_proof(&clamds, 0, *stage.proof[1] == '0' ? 0 : 100000,
	    *stage.proof[1] == 'c');
	return IO_TIMEOUT;
}

static void
waits_for_anothers_proof(void **state)
{
	static const struct {
		const char *other; /* NULL: the waiter cancels */
		enum clamd_end end;
		const char *asked;
	} cases[] = {
	    {"c", CLAMD_VERDICT, ""},
	    {"e", CLAMD_UNPROVED, ""},
	    {"0", CLAMD_VERDICT, "0P"},
	    {NULL, CLAMD_CANCELLED, ""},
	};
	struct waiter waiter = {let_it_end};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		clamds.known[0] = (struct clamds_known){0};
		stage.now_ms = 100000;
		stage.asked[0] = '\0';
		stage.proof[0] = "c";
		stage.proof[1] = cases[i].other;
		assert_int_equal(
		    clamds_begin_proof(&clamds, 0, 0, false), CLAMDS_ASK);
		assert_int_equal(
		    proof_need(&clamds, 0, &waiter, deadline_in(540000)),
		    cases[i].end);
		assert_string_equal(stage.asked, cases[i].asked);
	}
	/* The message's time is the bound. */
	clamds.known[0] = (struct clamds_known){.proving = true};
	stage.now_ms = 100000;
	assert_int_equal(
	    proof_need(&clamds, 0, &waiter, deadline_in(100)), CLAMD_UNPROVED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(goes_down_the_list),
	    cmocka_unit_test_setup_teardown(remembers_who_failed, begin, end),
	    cmocka_unit_test_setup_teardown(
		shares_the_time_to_connect, begin, end),
	    cmocka_unit_test_setup_teardown(
		asks_for_proof_when_it_is_old, begin, end),
	    cmocka_unit_test_setup_teardown(streams_for_a_while, begin, end),
	    cmocka_unit_test_setup_teardown(
		gives_up_a_file_that_may_be_read, begin, end),
	    cmocka_unit_test_setup_teardown(
		waits_for_anothers_proof, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
