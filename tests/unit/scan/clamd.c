/*
 * One talk with clamd: a pair of sockets stands in for the connection, and the
 * waiter plays clamd, one step whenever there is nothing to go on with.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/scan/clamd.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/scan/clamd_ask.h"
#include "tests/unit/unit.h"

#define STEPS_MAX 4
#define CONTENT "Subject: x\r\n\r\nHello.\r\n"
#define OK "stream: OK\n"
#define FOUND "stream: Worm FOUND\n"
#define SIZE_REFUSED "INSTREAM size limit exceeded. ERROR\n"
#define LIMIT "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\n"

enum deed {
	END, /* nothing comes any more: time passes */
	SAY, /* after all was heard that has been sent */
	BLURT, /* without listening */
	LEAVE, /* close */
	CANCEL /* something else ends the wait */
};

struct step {
	enum deed deed;
	struct text text;
};

#define LEAVES                                                                 \
	{                                                                      \
		LEAVE, T("")                                                   \
	}
#define CANCELS                                                                \
	{                                                                      \
		CANCEL, T("")                                                  \
	}

struct play {
	const char *title;
	const char *early; /* said before a word of ours was there */
	struct step steps[STEPS_MAX];
	enum scan_verdict verdict;
	bool answered, cancelled;
	const char *name; /* of the virus, if there is one */
};

/* One play at a time. */
static struct {
	const struct play *play;
	const struct step *next;
	int clamd; /* clamd's end, or -1 */
	struct strbuf heard;
} stage;

int __wrap_sock_connect(
    const struct addr *a, struct waiter *waiter, struct deadline d);

static void
say(const char *p, size_t len)
{
	assert_int_equal(send(stage.clamd, p, len, MSG_NOSIGNAL), len);
}

/* The linker puts this in the place of sock_connect. */
int
__wrap_sock_connect(
    const struct addr *a, struct waiter *waiter, struct deadline d)
{
	const char *early = stage.play->early;
	int pair[2];

	(void)a, (void)waiter, (void)d;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	stage.clamd = pair[1];
	if (early != NULL)
		say(early, strlen(early));
	return pair[0];
}

static void
listen_to_question(void)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(stage.clamd, buf, sizeof buf)) > 0)
		strbuf_add(&stage.heard, buf, (size_t)n);
}

static void
leave(void)
{
	if (stage.clamd >= 0)
		assert_int_equal(close(stage.clamd), 0);
	stage.clamd = -1;
}

static enum io
play_clamd(struct waiter *self, int fd, short events, struct deadline d)
{
	struct pollfd p = {.fd = fd, .events = events};

	(void)self, (void)d;
	while (poll(&p, 1, 0) == 0) {
		const struct step *s = stage.next++;

		switch (s->deed) {
		case END:
			stage.next--;
			return IO_TIMEOUT;
		case CANCEL:
			return IO_CANCELLED;
		case SAY:
			listen_to_question();
			say(s->text.p, s->text.len);
			break;
		case BLURT:
			say(s->text.p, s->text.len);
			break;
		case LEAVE:
			leave();
			break;
		}
	}
	return IO_OK;
}

/* A line of so many octets with its end, or nothing. */
static void
open_content(struct content *content, size_t octets)
{
	content_open(content, "/tmp", NULL);
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
static void
perform(const struct play *play, size_t octets, struct scan_result *result)
{
	struct scan_config config = {.timeout_ms = 60000};
	struct waiter waiter = {play_clamd};
	struct content content;

	assert_int_equal(addr_parse(&config.address, "/clamd", 0), 0);
	stage.play = play;
	stage.next = play->steps;
	strbuf_clear(&stage.heard);
	open_content(&content, octets);
	clamd_scan(&config, &content, &waiter, result);
	leave();
	content_close(&content);
}

static const struct play plays[] = {
    {"clean", NULL, {{SAY, T(OK)}, LEAVES}, SCAN_CLEAN, true, false, NULL},
    {"clean, in pieces", NULL,
	{{SAY, T("stream:")}, {SAY, T(" OK")}, {SAY, T("\n")}, LEAVES},
	SCAN_CLEAN, true, false, NULL},
    {"stays open", NULL, {{SAY, T(OK)}}, SCAN_CLEAN, true, false, NULL},
    {"found", NULL, {{SAY, T(FOUND)}}, SCAN_INFECTED, true, false, "Worm"},
    {"limit", NULL, {{SAY, T(LIMIT)}}, SCAN_OVERSIZE, true, false, NULL},
    {"size refused", NULL, {{SAY, T(SIZE_REFUSED)}, LEAVES}, SCAN_OVERSIZE,
	true, false, NULL},
    {"size refused early", SIZE_REFUSED, {LEAVES}, SCAN_OVERSIZE, true, false,
	NULL},
    {"OK early", OK, {LEAVES}, SCAN_FAILED, true, false, NULL},
    {"half of OK early", "stream: ", {{SAY, T("OK\n")}, LEAVES}, SCAN_FAILED,
	true, false, NULL},
    {"found early", FOUND, {LEAVES}, SCAN_FAILED, true, false, NULL},
    {"OK, and leaves what it was sent", NULL, {{BLURT, T(OK)}, LEAVES},
	SCAN_FAILED, true, false, NULL},
    {"OK, and reads nothing", NULL, {{BLURT, T(OK)}}, SCAN_FAILED, true, false,
	NULL},
    {"found, and reads nothing", NULL, {{BLURT, T(FOUND)}}, SCAN_FAILED, true,
	false, NULL},
    {"OK, found", NULL, {{SAY, T(OK FOUND)}, LEAVES}, SCAN_INFECTED, true,
	false, "Worm"},
    {"OK, later found", NULL, {{SAY, T(OK)}, {SAY, T(FOUND)}, LEAVES},
	SCAN_INFECTED, true, false, "Worm"},
    {"OK, later half of found", NULL,
	{{SAY, T(OK)}, {SAY, T("stream: W")}, {SAY, T("orm FOUND\n")}},
	SCAN_FAILED, true, false, NULL},
    {"OK, OK", NULL, {{SAY, T(OK)}, {SAY, T(OK)}, LEAVES}, SCAN_FAILED, true,
	false, NULL},
    {"OK, an octet", NULL, {{SAY, T(OK)}, {SAY, T("x")}, LEAVES}, SCAN_FAILED,
	true, false, NULL},
    {"OK, NUL", NULL, {{SAY, T(OK)}, {SAY, T("\0")}, LEAVES}, SCAN_FAILED, true,
	false, NULL},
    {"OK, an empty line", NULL, {{SAY, T(OK)}, {SAY, T("\n")}, LEAVES},
	SCAN_FAILED, true, false, NULL},
    {"OK, a limit", NULL, {{SAY, T(OK)}, {SAY, T(LIMIT)}}, SCAN_FAILED, true,
	false, NULL},
    {"OK without its end", NULL, {{SAY, T("stream: OK")}, LEAVES}, SCAN_FAILED,
	true, false, NULL},
    {"ERROR", NULL, {{SAY, T("stream: x ERROR\n")}}, SCAN_FAILED, true, false,
	NULL},
    {"silence", NULL, {{END, T("")}}, SCAN_FAILED, true, false, NULL},
    {"half an answer", NULL, {{SAY, T("stream: ")}}, SCAN_FAILED, true, false,
	NULL},
    {"closes", NULL, {LEAVES}, SCAN_FAILED, false, false, NULL},
    {"cancelled", NULL, {CANCELS}, SCAN_FAILED, false, true, NULL},
    {"OK, cancelled", NULL, {{SAY, T(OK)}, CANCELS}, SCAN_FAILED, false, true,
	NULL},
};

static void
check(const struct play *p, const struct scan_result *r)
{
	const struct text title = {p->title, strlen(p->title)};

	expect_number(title, "verdict", r->verdict, p->verdict);
	expect_number(title, "answered", r->answered, p->answered);
	expect_number(title, "cancelled", r->cancelled, p->cancelled);
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
		struct scan_result result;

		perform(
		    &plays[i / COUNT(sizes)], sizes[i % COUNT(sizes)], &result);
		check(&plays[i / COUNT(sizes)], &result);
		strbuf_free(&result.name);
	}
}

/* Who speaks early never gets the mark that ends the content. */
static void
keeps_the_end_mark_back(void **state)
{
	static const struct play early = {"early", OK, {{SAY, T("x")}, LEAVES},
	    SCAN_FAILED, true, false, NULL};
	static const struct play fair = {"fair", NULL, {{SAY, T(OK)}, LEAVES},
	    SCAN_CLEAN, true, false, NULL};
	static const size_t sizes[] = {0, 20, SPOOL_BLOCK_SIZE + 1};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		const size_t all = strlen("nINSTREAM\n") + 4 +
		    strlen(CLAMD_SCAN_LINE) + (sizes[i] > 0 ? 4 : 0) + sizes[i];
		struct scan_result result;

		perform(&fair, sizes[i], &result);
		assert_int_equal(stage.heard.len, all + 4);
		assert_memory_equal(stage.heard.data + all, "\0\0\0", 4);
		perform(&early, sizes[i], &result);
		assert_true(stage.heard.len <= all);
	}
}

static int
clean_up(void **state)
{
	(void)state;
	strbuf_free(&stage.heard);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(believes_what_comes_last_and_alone),
	    cmocka_unit_test(keeps_the_end_mark_back),
	};

	return cmocka_run_group_tests(tests, NULL, clean_up);
}
