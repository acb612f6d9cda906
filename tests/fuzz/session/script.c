/*
 * The script of the fuzz target session, which is its input.
 *
 * Whenever the session waits (poll(2) is replaced by the linker's --wrap) and
 * nothing is there for it, the script's next move is made.  The clock is replaced
 * as well, so time passes only by the script, or when there is nothing else to
 * wait for; every run is the same.
 *
 * A script has a move on each line; "+" before it: the next one comes with it,
 * before the session hears of either.
 *
 *   o letters    options, on the first line: b and p for Action bounce and
 *                pass, s and f ScanMode scan and fildes, r BareNewline reject,
 *                n Quarantine, x XClient, y ProxyProtocol, k KeepAlives, h no
 *                Header, t a Received header; j and J ScanFail reject and pass,
 *                z and Z Oversize tempfail and pass, v VirusRules for what begins
 *                with drop, bounce, pass and tempfail, and for two limits; a Skip
 *                authenticated, i the client, m @skip.example as sender, e as recipient
 *   C text       the client says text, and CRLF
 *   S text       so does the server
 *   V text       clamd says text, and LF (to what ended in NUL: that)
 *   C4711 text   it says so 4711 times
 *   c x s v      client: sends no more, is gone; server, clamd: are gone
 *   t number     seconds pass
 *   q            the daemon is told to stop
 *
 * In text, \r \n \0 \\ are those octets, \p is how clamd names what it was shown,
 * and a \ at the end leaves the line end out.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/session/play.h"

#define POLLS_MAX 20000 /* more are a session that runs in circles */

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

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
		if (*p == 'p') {
			strbuf_puts(out, play.talk.subject);
			strbuf_puts(out,
			    strcmp(play.talk.subject, "fd[") == 0 ? "7]" : "");
		} else if (*p == '0')
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
	    p == &play.clamd && p->heard.len > 0 && p->heard.data[0] == 'z';
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
	party_say_unsent(p);
}

static void
leave(struct party *p)
{
	if (p != &play.clamd)
		p->gone = true;
	p->unsent.len = 0;
	party_hear(p);
	party_hang_up(p);
}

/* Where a fault is clamd's, and whose mail it does not see. */
static void
set_exceptions(struct settings *s, char letter)
{
	static const char *const rules[] = {"drop* drop", "bounce* bounce",
	    "pass* pass", "tempfail* tempfail",
	    "heuristics.limits.exceeded.maxf* pass",
	    "heuristics.limits.exceeded.maxr* drop"};

	if (letter == 'j')
		s->policy.scan_fail = WHEN_UNSCANNED_REJECT;
	else if (letter == 'J')
		s->policy.scan_fail = WHEN_UNSCANNED_PASS;
	else if (letter == 'z')
		s->policy.oversize = WHEN_UNSCANNED_TEMPFAIL;
	else if (letter == 'Z')
		s->policy.oversize = WHEN_UNSCANNED_PASS;
	else if (letter == 'v' && !play.has_rules) {
		play.has_rules = true;
		for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
			CHECK(rules_add(&s->policy.rules, rules[i]) == 0);
	}
}

static void
set_skip(struct settings *s, char letter)
{
	static const struct {
		char letter;
		const char *value;
	} skips[] = {{'a', "authenticated"}, {'i', "client 192.0.2.7"},
	    {'m', "sender *@skip.example"}, {'e', "recipient *@skip.example"}};

	for (size_t i = 0; i < sizeof skips / sizeof skips[0]; i++)
		if (letter == skips[i].letter && s->skip.count < 8)
			CHECK(exempt_add(&s->skip, skips[i].value) == 0);
}

void
script_set_options(const char *p, const char *end)
{
	struct settings *s = &play.settings;

	for (; p < end && *p != '\n'; p++) {
		set_exceptions(s, *p);
		set_skip(s, *p);
		if (*p == 'b')
			s->policy.action = WHEN_INFECTED_BOUNCE;
		else if (*p == 'p')
			s->policy.action = WHEN_INFECTED_PASS;
		else if (*p == 's')
			s->scan.mode = SCAN_MODE_SCAN;
		else if (*p == 'f')
			s->scan.mode = SCAN_MODE_FILDES;
		else if (*p == 'r')
			s->policy.bare_newline = BARE_NEWLINE_REJECT;
		else if (*p == 'h')
			s->header = "";
		else if (*p == 't')
			s->header = TOP_HEADER;
		s->quarantine = s->quarantine || *p == 'n';
		s->xclient = s->xclient || *p == 'x';
		if (*p == 'y' && s->proxies.count == 0)
			CHECK(net_parse(&s->proxies.nets[s->proxies.count++],
				  "192.0.2.7") == 0);
		s->keep_alives_ms =
		    *p == 'k' ? KEEP_ALIVES_MS : s->keep_alives_ms;
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
		party_attend_all();
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
