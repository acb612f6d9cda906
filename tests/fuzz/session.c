/*
 * Fuzz target: a whole session, between a client, a server and a clamd that
 * all speak from one script, the input.
 *
 * The session runs in this thread.  Whenever it waits (poll(2) is replaced by
 * the linker's --wrap) and nothing is there for it, the script's next move is
 * made.  The clock is replaced as well, so time passes only by the script, or
 * when there is nothing else to wait for; every run is the same.
 *
 * A script has a move on each line; "+" before it: the next one comes with it,
 * before the session hears of either.
 *
 *   o letters    options, on the first line: b and p for Action bounce and
 *                pass, s ScanMode scan, r BareNewline reject, n Quarantine,
 *                x XClient, k KeepAlives, h no Header, t a Received header
 *   C text       the client says text, and CRLF
 *   S text       so does the server
 *   V text       clamd says text, and LF (ScanMode scan: NUL)
 *   C4711 text   it says so 4711 times
 *   c x s v      client: sends no more, is gone; server, clamd: are gone
 *   t number     seconds pass
 *   q            the daemon is told to stop
 *
 * In text, \r \n \0 \\ are those octets, \p is the path that clamd was told,
 * and a \ at the end leaves the line end out.
 *
 * While it runs, what the session says to each is checked against what it was
 * told: see check_...() and the models of the parties.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "src/scan/clamd_ask.h"
#include "src/session/session.h"
#include "tests/fuzz/fuzz.h"

#define SCRIPT_MAX 16384 /* octets of an input */
#define VOLUME_MAX ((size_t)300 << 10) /* octets said by all parties */
#define POLLS_MAX 20000 /* more are a session that runs in circles */
#define TIMEOUT_S 30
#define KEEP_ALIVES_S 5

#define GO "354 Start mail input; end with <CRLF>.<CRLF>"
#define DISCARDED "250 Virus Detected; Discarded Email"
#define HEADER "X-Virus-Scanned: by the fuzzer"
#define TOP_HEADER "Received: by the fuzzer"
#define XCLIENT "XCLIENT ADDR=192.0.2.7\r\n"
#define MARK "X-Virus-Infected: Virus Detected!\r\n"

/* Somebody the session talks to. */
struct party {
	int listener; /* -1 for the client */
	int fd; /* -1: not connected */
	bool gone; /* for ever */
	struct strbuf unsent; /* what it says as soon as it can */
	struct strbuf heard; /* of this connection, and not yet understood */
};

/* Finds where replies end in a stream of them. */
struct reply_reader {
	char line[4]; /* the beginning */
	size_t len;
	char first; /* digit of the reply's lines so far; 0 at its beginning */
	bool agree; /* they all begin with it */
	unsigned excuses; /* 334s, each of which lets one line be anything */
};

enum server_state {
	SERVER_COMMANDS,
	SERVER_ASKED, /* DATA was said */
	SERVER_CONTENT,
	SERVER_DELIVERED /* the end of mail data was said */
};

enum answer { ANSWER_OTHER, ANSWER_CLEAN, ANSWER_FOUND };

static struct play {
	struct settings settings; /* of this run */
	const char *script, *end;
	bool running;
	bool client_done; /* the script had ended and the client with it */
	int64_t now_ms;
	unsigned polls;
	size_t volume;
	int stop[2];
	struct party client, server, clamd;

	struct strbuf said; /* by the client, in all */
	size_t understood; /* of that, up to the last content */

	struct reply_reader replies;
	enum server_state state;
	bool accepted; /* the server has said 2yz to the last message */

	struct strbuf shown; /* what clamd was shown last */
	struct strbuf answer; /* what it said to that */
	char path[PATH_MAX]; /* of what it was shown (ScanMode scan) */
	bool was_shown; /* all of it */
	bool asked; /* the server was asked to take it */

	bool in_data; /* the client was told to go on */
} play;

/* The same for all runs. */
static struct settings base;
static char directory[64]; /* short, for paths of sockets */
static char spool[PATH_MAX];

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

/* ---- what clamd makes of it */

static bool
ends_line(char c)
{
	return c == '\n' || c == '\0';
}

static enum answer
judge_answer(void)
{
	const char *subject =
	    play.settings.scan_mode == SCAN_MODE_SCAN ? play.path : "stream";
	const char *a = strbuf_str(&play.answer);
	size_t n = strlen(subject);

	/* Only what was seen as a whole can be clean. */
	if (play.was_shown && play.answer.len == n + 5 &&
	    memcmp(a, subject, n) == 0 && memcmp(a + n, ": OK", 4) == 0 &&
	    ends_line(a[n + 4]))
		return ANSWER_CLEAN;
	for (size_t i = 0; i + 7 <= play.answer.len; i++)
		if (memcmp(a + i, " FOUND", 6) == 0)
			return ANSWER_FOUND;
	return ANSWER_OTHER;
}

/*
 * Content behind DATA, by the simplest decoder.  Returns the octets up to the
 * end of mail data, or 0 when it has none.
 */
static size_t
read_content(const char *p, size_t len, struct strbuf *out)
{
	bool line_start = true;

	strbuf_clear(out);
	for (size_t i = 0; i < len; i++) {
		bool crlf = p[i] == '\r' && i + 1 < len && p[i + 1] == '\n';

		if (line_start && len - i >= 3 &&
		    memcmp(p + i, ".\r\n", 3) == 0)
			return i + 3;
		if (!line_start || p[i] != '.') {
			if (crlf || p[i] == '\n')
				strbuf_puts(out, "\r\n");
			else
				strbuf_add(out, p[i] == '\r' ? " " : p + i, 1);
		}
		i += crlf;
		line_start = crlf;
	}
	return 0;
}

/* What is scanned has been said, whole and in order, behind a DATA. */
static void
check_was_said(const struct strbuf *content)
{
	struct strbuf read = {0};
	bool found = false;

	for (size_t i = play.understood; i < play.said.len && !found; i++) {
		const char *p = play.said.data + i;
		size_t len = play.said.len - i, n;
		const char *lf;

		if (len < 5 || strncasecmp(p, "DATA", 4) != 0)
			continue;
		lf = memchr(p, '\n', len);
		if (lf == NULL)
			break;
		lf++;
		n = read_content(lf, len - (size_t)(lf - p), &read);
		found = n > 0 && read.len == content->len &&
		    memcmp(strbuf_str(&read), strbuf_str(content), read.len) ==
			0;
		if (found)
			play.understood = i + (size_t)(lf - p) + n;
	}
	CHECK(found);
	strbuf_free(&read);
}

/* Content as clamd is shown it: behind the scan-only line. */
static void
note_shown(const char *p, size_t len)
{
	const size_t n = strlen(CLAMD_SCAN_LINE);

	CHECK(len >= n && memcmp(p, CLAMD_SCAN_LINE, n) == 0);
	strbuf_clear(&play.shown);
	strbuf_add(&play.shown, p + n, len - n);
	play.was_shown = true;
	play.asked = false;
	check_was_said(&play.shown);
}

static void
note_file(const char *path)
{
	struct strbuf file = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	CHECK(fd >= 0 && strlen(path) < sizeof play.path);
	memcpy(play.path, path, strlen(path) + 1);
	CHECK(strbuf_reserve(&file, VOLUME_MAX) == 0);
	n = read(fd, file.data, VOLUME_MAX);
	CHECK(n >= 0);
	(void)close(fd);
	note_shown(file.data, (size_t)n);
	strbuf_free(&file);
}

/* nINSTREAM: chunks, the last of which has no octets. */
static void
note_stream(const char *p, size_t len)
{
	struct strbuf content = {0};
	uint32_t n = 1;

	while (n > 0 && len >= sizeof n) {
		memcpy(&n, p, sizeof n);
		n = ntohl(n);
		if (len - sizeof n < n)
			break;
		strbuf_add(&content, p + sizeof n, n);
		p += sizeof n + n;
		len -= sizeof n + n;
	}
	if (n == 0) {
		CHECK(len == 0);
		note_shown(strbuf_str(&content), content.len);
	}
	strbuf_free(&content);
}

static void
hear_request(void)
{
	const struct strbuf *h = &play.clamd.heard;
	static const char scan[] = "zSCAN ", stream[] = "nINSTREAM\n";

	if (play.was_shown || h->len == 0)
		return;
	if (h->len > strlen(scan) && memcmp(h->data, scan, 6) == 0 &&
	    h->data[h->len - 1] == '\0')
		note_file(h->data + strlen(scan));
	else if (h->len > strlen(stream) && memcmp(h->data, stream, 10) == 0)
		note_stream(h->data + strlen(stream), h->len - strlen(stream));
}

/* To a server that asks for a password the client may say anything. */
static void
excuse(void)
{
	CHECK(play.replies.excuses > 0);
	play.replies.excuses--;
}

/* ---- what the server makes of it */

static void
check_command(const char *line, size_t len)
{
	static const char *const kept[] = {
	    "BDAT", "BURL", "STARTTLS", "XCLIENT", "XEXCH50", "TURN", "ATRN"};

	CHECK(len >= 2 && memcmp(line + len - 2, "\r\n", 2) == 0);
	CHECK(memchr(line, '\0', len) == NULL);
	CHECK(memchr(line, '\r', len) == line + len - 2);
	if (len == strlen(XCLIENT) && memcmp(line, XCLIENT, len) == 0)
		return;
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (strncasecmp(line, kept[i], strlen(kept[i])) == 0 &&
		    strchr(" \t\r", line[strlen(kept[i])]) != NULL)
			excuse();
}

/* Does a header line at some place make the one content of the other? */
static bool
is_with_header(const struct strbuf *sent, const char *header)
{
	const char *a = strbuf_str(sent), *b = strbuf_str(&play.shown);
	size_t len = play.shown.len, n = strlen(header);

	if (sent->len != len + n)
		return false;
	for (size_t i = 0; i <= len; i++)
		if (memcmp(a + i, header, n) == 0 && memcmp(a, b, i) == 0 &&
		    memcmp(a + i + n, b + i, len - i) == 0)
			return true;
	return false;
}

/* The server is asked once to take what was scanned and may be sent. */
static void
check_data(void)
{
	enum answer answer = judge_answer();
	bool may_be = answer == ANSWER_CLEAN ||
	    (answer == ANSWER_FOUND &&
		play.settings.action == WHEN_INFECTED_PASS);

	if (!play.asked && may_be)
		play.asked = true;
	else
		excuse();
}

/* What is sent is what was scanned, but for one header line. */
static void
check_content(const struct strbuf *sent)
{
	struct strbuf header = {0};

	CHECK(play.asked);
	if (judge_answer() == ANSWER_CLEAN) {
		strbuf_puts(&header, play.settings.header);
		strbuf_puts(&header, header.len > 0 ? "\r\n" : "");
		CHECK(is_with_header(sent, strbuf_str(&header)) ||
		    (sent->len == play.shown.len &&
			memcmp(strbuf_str(sent), strbuf_str(&play.shown),
			    sent->len) == 0));
	} else if (play.was_shown)
		/* It is marked, if need be by making all of it body. */
		CHECK(is_with_header(sent, MARK) ||
		    is_with_header(sent, MARK "\r\n"));
	strbuf_free(&header);
}

/*
 * Mail data: no line end but CRLF, and no line of a single dot but the last.
 * Returns its length when its end is there, or 0.
 */
static size_t
take_content(const struct strbuf *h, struct strbuf *content)
{
	size_t start = 0;

	for (size_t i = 0; i < h->len; i++) {
		if (h->data[i] == '\r')
			CHECK(i + 1 == h->len || h->data[i + 1] == '\n');
		if (h->data[i] != '\n')
			continue;
		CHECK(i > 0 && h->data[i - 1] == '\r');
		if (i == start + 2 && h->data[start] == '.')
			return i + 1;
		if (h->data[start] == '.')
			start++;
		strbuf_add(content, h->data + start, i + 1 - start);
		start = i + 1;
	}
	return 0;
}

static void
forget(struct strbuf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

static void
hear_content(void)
{
	struct strbuf content = {0};
	size_t n = take_content(&play.server.heard, &content);

	if (n > 0) {
		check_content(&content);
		forget(&play.server.heard, n);
		/* Nothing more before the reply. */
		CHECK(play.server.heard.len == 0);
		play.state = SERVER_DELIVERED;
		play.replies.first = 0;
	}
	strbuf_free(&content);
}

static void
hear_commands(void)
{
	struct strbuf *h = &play.server.heard;
	const char *lf;

	while (play.state == SERVER_COMMANDS && h->len > 0 &&
	    (lf = memchr(h->data, '\n', h->len)) != NULL) {
		size_t n = (size_t)(lf - h->data) + 1;

		check_command(h->data, n);
		if (n == 6 && memcmp(h->data, "DATA\r\n", 6) == 0) {
			check_data();
			play.state = SERVER_ASKED;
			play.replies.first = 0;
		}
		forget(h, n);
	}
}

static void
hear_session(void)
{
	hear_commands();
	if (play.state == SERVER_CONTENT)
		hear_content();
	else if (play.state != SERVER_COMMANDS)
		CHECK(play.server.heard.len == 0);
}

/* A reply of the server's has been given to the session. */
static void
note_reply(int code)
{
	if (play.state == SERVER_ASKED)
		play.state = code == 354 ? SERVER_CONTENT : SERVER_COMMANDS;
	else if (play.state == SERVER_DELIVERED) {
		play.accepted = code >= 200 && code <= 299;
		play.state = SERVER_COMMANDS;
	}
}

static void
note_replies(const char *p, size_t len)
{
	struct reply_reader *r = &play.replies;
	int code;

	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\n') {
			if (r->len < sizeof r->line)
				r->line[r->len] = p[i];
			r->len++;
			continue;
		}
		if (r->len < 3 || r->line[0] < '1' || r->line[0] > '9' ||
		    r->line[1] < '0' || r->line[1] > '9' || r->line[2] < '0' ||
		    r->line[2] > '9' ||
		    (r->len > 3 &&
			memchr("- \t\r\v\f", r->line[3], 6) == NULL)) {
			note_reply(0);
			r->first = 0;
			r->len = 0;
			continue;
		}
		r->agree =
		    r->first == 0 || (r->agree && r->line[0] == r->first);
		r->first = r->line[0];
		if (r->len == 3 || r->line[3] != '-') {
			code = (r->line[0] - '0') * 100 +
			    (r->line[1] - '0') * 10 + r->line[2] - '0';
			r->excuses += code == 334;
			/* Lines that disagree are nobody's word. */
			note_reply(r->agree ? code : 0);
			r->first = 0;
		}
		r->len = 0;
	}
}

/* ---- what the client makes of it */

/* The one reply after its content. */
static void
check_final(const char *line, size_t len)
{
	bool discarded =
	    len == strlen(DISCARDED) && memcmp(line, DISCARDED, len) == 0;

	if (play.accepted || line[0] != '2') {
		CHECK(!play.accepted || line[0] == '2');
		return;
	}
	CHECK(discarded && judge_answer() == ANSWER_FOUND);
	CHECK(play.settings.action == WHEN_INFECTED_DROP);
}

static void
hear_line(const char *line, size_t len)
{
	bool go = len == strlen(GO) && memcmp(line, GO, len) == 0;

	CHECK(memchr(line, '\r', len) == NULL);
	CHECK(memchr(line, '\0', len) == NULL);
	/* It is ours to say. */
	CHECK(go || len < 4 || memcmp(line, "354 ", 4) != 0);
	if (!play.in_data) {
		play.in_data = go;
		play.accepted = false;
		return;
	}
	check_final(line, len);
	if (len < 4 || line[3] != '-')
		play.in_data = false;
}

static void
hear_replies(void)
{
	struct strbuf *h = &play.client.heard;
	const char *lf;

	while (h->len > 0 && (lf = memchr(h->data, '\n', h->len)) != NULL) {
		size_t n = (size_t)(lf - h->data) + 1;

		CHECK(n >= 2 && h->data[n - 2] == '\r');
		hear_line(h->data, n - 2);
		forget(h, n);
	}
}

/* ---- sockets */

static void
hang_up(struct party *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
	p->heard.len = 0;
}

static void
say_unsent(struct party *p)
{
	ssize_t n;

	if (p->fd < 0 || p->unsent.len == 0)
		return;
	n = send(
	    p->fd, p->unsent.data, p->unsent.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		n = errno == EAGAIN ? 0 : (ssize_t)p->unsent.len;
	else if (p == &play.server)
		note_replies(p->unsent.data, (size_t)n);
	else
		strbuf_add(p == &play.clamd ? &play.answer : &play.said,
		    p->unsent.data, (size_t)n);
	forget(&p->unsent, (size_t)n);
}

static void
hear(struct party *p)
{
	static char buf[65536];
	ssize_t n = 0;

	while (
	    p->fd >= 0 && (n = recv(p->fd, buf, sizeof buf, MSG_DONTWAIT)) > 0)
		strbuf_add(&p->heard, buf, (size_t)n);
	if (p == &play.client)
		hear_replies();
	else if (p == &play.server)
		hear_session();
	else
		hear_request();
	/* The session has closed it. */
	if (p->fd >= 0 && n == 0)
		hang_up(p);
}

static void
answer_call(struct party *p)
{
	int fd;

	if (p->fd >= 0)
		return;
	fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (p == &play.clamd) {
		play.was_shown = false;
		play.answer.len = 0;
	}
	p->fd = fd;
	if (p->gone)
		hang_up(p);
}

static void
attend(struct party *p)
{
	hear(p);
	if (p->listener >= 0) {
		answer_call(p);
		hear(p);
	}
	say_unsent(p);
}

static void
attend_all(void)
{
	attend(&play.client);
	attend(&play.server);
	attend(&play.clamd);
}

/* ---- the script */

/* The text of a move, without its escapes; the line end goes behind it. */
static void
read_text(const char *p, const char *end, const char *line_end, size_t n,
    struct strbuf *out)
{
	for (; p < end; p++) {
		if (*p != '\\') {
			strbuf_add(out, p, 1);
			continue;
		}
		if (++p == end)
			return;
		if (*p == 'p')
			strbuf_puts(out, play.path);
		else if (*p == '0')
			strbuf_add(out, "", 1);
		else
			strbuf_add(out,
			    *p == 'r'       ? "\r"
				: *p == 'n' ? "\n"
					    : p,
			    1);
	}
	strbuf_add(out, line_end, n);
}

static void
say(struct party *p, size_t times, const char *text, const char *end)
{
	bool zero =
	    p == &play.clamd && play.settings.scan_mode == SCAN_MODE_SCAN;
	const char *line_end = p == &play.clamd ? "\n" : "\r\n";
	struct strbuf said = {0};

	read_text(text, end, zero ? "" : line_end, zero ? 1 : strlen(line_end),
	    &said);
	for (size_t i = 0; i < times && !p->gone; i++) {
		play.volume += said.len;
		if (play.volume > VOLUME_MAX)
			break;
		strbuf_add(&p->unsent, strbuf_str(&said), said.len);
	}
	strbuf_free(&said);
	say_unsent(p);
}

static void
leave(struct party *p)
{
	if (p != &play.clamd)
		p->gone = true;
	p->unsent.len = 0;
	hear(p);
	hang_up(p);
}

static void
set_options(const char *p, const char *end)
{
	struct settings *s = &play.settings;

	for (; p < end && *p != '\n'; p++) {
		if (*p == 'b')
			s->action = WHEN_INFECTED_BOUNCE;
		else if (*p == 'p')
			s->action = WHEN_INFECTED_PASS;
		else if (*p == 's')
			s->scan_mode = SCAN_MODE_SCAN;
		else if (*p == 'r')
			s->bare_newline = BARE_NEWLINE_REJECT;
		else if (*p == 'h')
			s->header = "";
		else if (*p == 't')
			s->header = TOP_HEADER;
		s->quarantine = s->quarantine || *p == 'n';
		s->xclient = s->xclient || *p == 'x';
		s->keep_alives_s = *p == 'k' ? KEEP_ALIVES_S : s->keep_alives_s;
	}
}

static size_t
read_number(const char **p, const char *end)
{
	size_t n = 0;

	for (; *p < end && **p >= '0' && **p <= '9' && n < 100000; (*p)++)
		n = n * 10 + (size_t)(**p - '0');
	return n;
}

static void
make_move(const char *p, const char *end)
{
	char what = p < end ? *p++ : 0;
	const char *digits = p;
	size_t times = read_number(&p, end);

	if (digits == p)
		times = 1;
	if (p < end && *p == ' ')
		p++;
	if (what == 'C')
		say(&play.client, times, p, end);
	else if (what == 'S')
		say(&play.server, times, p, end);
	else if (what == 'V')
		say(&play.clamd, times, p, end);
	else if (what == 'c' && play.client.fd >= 0)
		(void)shutdown(play.client.fd, SHUT_WR);
	else if (what == 'x')
		leave(&play.client);
	else if (what == 's')
		leave(&play.server);
	else if (what == 'v')
		leave(&play.clamd);
	else if (what == 't')
		play.now_ms += 1000 * (int64_t)read_number(&p, end);
	else if (what == 'q')
		CHECK(write(play.stop[1], "", 1) == 1);
}

/* False when there is no move left. */
static bool
make_moves(void)
{
	bool more = true;

	while (more && play.script < play.end) {
		const char *p = play.script;
		const char *lf = memchr(p, '\n', (size_t)(play.end - p));
		const char *end = lf == NULL ? play.end : lf;

		play.script = lf == NULL ? play.end : lf + 1;
		more = p < end && *p == '+';
		make_move(more ? p + 1 : p, end);
		if (!more)
			return true;
	}
	if (play.client_done)
		return false;
	play.client_done = true;
	if (play.client.fd >= 0)
		(void)shutdown(play.client.fd, SHUT_WR);
	return true;
}

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const int64_t end_ms = play.now_ms + timeout;
	int ready;

	if (!play.running)
		return __real_poll(fds, n, timeout);
	CHECK(++play.polls < POLLS_MAX);
	CHECK(timeout >= 0);
	do {
		attend_all();
		ready = __real_poll(fds, n, 0);
	} while (ready == 0 && play.now_ms < end_ms && make_moves());
	if (ready == 0 && play.now_ms < end_ms)
		play.now_ms = end_ms;
	return ready;
}

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (!play.running || id != CLOCK_MONOTONIC)
		return __real_clock_gettime(id, ts);
	ts->tv_sec = (time_t)(play.now_ms / 1000);
	ts->tv_nsec = (long)(play.now_ms % 1000) * 1000000;
	return 0;
}

/* ---- a run */

static int
listen_at(const char *name, const char *option)
{
	char path[PATH_MAX];
	struct addr_spec spec;
	int fd;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	CHECK(settings_set(&base, option, path, "fuzz") == 0);
	CHECK(addr_parse(&spec, path, 0) == 0);
	fd = sock_listen(&spec.addr);
	CHECK(fd >= 0);
	return fd;
}

static void
clean_up(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/server", directory);
	(void)unlink(path);
	snprintf(path, sizeof path, "%s/clamd", directory);
	(void)unlink(path);
	(void)rmdir(spool);
	(void)rmdir(directory);
}

static void
set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	/* SESSION_LOG=1 in the environment shows the session's log. */
	(void)signal(SIGPIPE, SIG_IGN); /* as server_prepare_signals does */
	log_to_console(getenv("SESSION_LOG") == NULL ? -LOG_ERR : 4);
	log_started();
	snprintf(directory, sizeof directory, "%s/clamsmtpd-fuzz.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	CHECK(mkdtemp(directory) != NULL);
	(void)atexit(clean_up);
	snprintf(spool, sizeof spool, "%s/spool", directory);
	CHECK(mkdir(spool, 0700) == 0);
	CHECK(settings_init(&base) == 0);
	CHECK(settings_set(&base, "TempDirectory", spool, "fuzz") == 0);
	CHECK(settings_set(&base, "Header", HEADER, "fuzz") == 0);
	base.spool_directory = base.temp_directory;
	base.timeout_s = TIMEOUT_S;
	play.server.listener = listen_at("server", "OutAddress");
	play.clamd.listener = listen_at("clamd", "ClamAddress");
	play.client.listener = -1;
	play.client.fd = play.server.fd = play.clamd.fd = -1;
	CHECK(pipe2(play.stop, O_CLOEXEC | O_NONBLOCK) == 0);
}

/* The spool is empty, but for files that were to be kept: one for each virus. */
static void
check_spool(void)
{
	DIR *d = opendir(spool);
	struct dirent *e;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		CHECK(play.settings.quarantine);
		CHECK(strncmp(e->d_name, "virus.", 6) == 0);
		CHECK(unlinkat(dirfd(d), e->d_name, 0) == 0);
	}
	(void)closedir(d);
}

static void
reset(struct party *p)
{
	hang_up(p);
	p->gone = false;
	p->unsent.len = 0;
	if (p->listener >= 0)
		for (int fd; (fd = accept4(p->listener, NULL, NULL, 0)) >= 0;)
			(void)close(fd);
}

static int
lowest_free_fd(void)
{
	int fd = fcntl(play.stop[0], F_DUPFD_CLOEXEC, 0);

	CHECK(fd >= 0);
	(void)close(fd);
	return fd;
}

static void
begin(const uint8_t *data, size_t size)
{
	char octet;

	play.settings = base;
	play.script = (const char *)data;
	play.end = play.script + size;
	play.client_done = false;
	play.now_ms = 1000000;
	play.polls = 0;
	play.volume = 0;
	while (read(play.stop[0], &octet, 1) == 1)
		;
	play.replies = (struct reply_reader){0};
	play.state = SERVER_COMMANDS;
	play.accepted = play.was_shown = play.asked = false;
	play.understood = 0;
	play.said.len = 0;
	play.shown.len = play.answer.len = 0;
	play.path[0] = '\0';
	play.in_data = false;
	if (size > 0 && data[0] == 'o')
		set_options(play.script + 1, play.end);
}

static void
run(void)
{
	struct server_client client = {.stop_fd = play.stop[0]};
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		  fds) == 0);
	client.fd = fds[0];
	client.peer.len = sizeof client.peer.u.in;
	client.peer.u.in.sin_family = AF_INET;
	client.peer.u.in.sin_addr.s_addr = htonl(0xc0000207);
	play.client.fd = fds[1];
	play.running = true;
	session_run(&client, &play.settings);
	attend_all();
	play.running = false;
	/* A client that could hear its final reply has heard one. */
	CHECK(!play.in_data || play.client.gone);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	int fd;

	if (size > SCRIPT_MAX)
		return 0;
	if (!ready)
		set_up();
	ready = true;
	begin(data, size);
	fd = lowest_free_fd();
	run();
	reset(&play.client);
	reset(&play.server);
	reset(&play.clamd);
	check_spool();
	CHECK(lowest_free_fd() == fd);
	return 0;
}
