/*
 * The clamd of the fuzz target session: is it shown, whole and in order, what the
 * client has said behind a DATA?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

#include "src/scan/clamd_ask.h"
#include "tests/fuzz/session/play.h"

#define PROOF_LINE "Received: by clamsmtpd; to see whether clamd looks\r\n"

static bool
ends_line(char c)
{
	return c == '\n' || c == '\0';
}

static bool
has_answered(const char *text)
{
	const struct strbuf *a = &play.talk.answer;
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= a->len; i++)
		if (memcmp(a->data + i, text, n) == 0)
			return true;
	return false;
}

bool
clamd_has_named(const char *name)
{
	return strcasestr(strbuf_str(&play.names), name) != NULL;
}

/* "subject: OK" and a line end, and nothing else; a descriptor has any number. */
static bool
has_said_ok(void)
{
	const struct strbuf *answer = &play.talk.answer;
	const char *a = strbuf_str(answer);
	size_t n = strlen(play.talk.subject);

	if (answer->len < n || memcmp(a, play.talk.subject, n) != 0)
		return false;
	if (strcmp(play.talk.subject, "fd[") == 0) {
		n += strspn(a + n, "0123456789");
		if (n == strlen("fd[") || a[n++] != ']')
			return false;
	}
	return answer->len == n + 5 && memcmp(a + n, ": OK", 4) == 0 &&
	    ends_line(a[n + 4]);
}

static unsigned
judge_talk(void)
{
	unsigned told = 0;

	/* Only what was seen as a whole can be clean. */
	if (play.talk.was_shown && has_said_ok())
		told |= TOLD_CLEAN;
	if (has_answered(" FOUND"))
		told |= TOLD_FOUND;
	if (has_answered("Heuristics.Limits.Exceeded") ||
	    has_answered("INSTREAM size limit exceeded. ERROR"))
		told |= TOLD_LIMIT;
	return told;
}

/* A talk has ended, or has said what it could. */
static void
conclude(void)
{
	unsigned told = judge_talk();

	if (!play.talk.is_proof) {
		play.told = told;
		play.told_ms = play.talk.answered_ms;
	} else if (told == TOLD_CLEAN)
		play.proof_ms = play.talk.begun_ms;
}

unsigned
clamd_judge(void)
{
	conclude();
	/* It says so of a file that it could not read as well. */
	if ((play.told & TOLD_CLEAN) != 0 && play.by_file &&
	    play.told_ms - play.proof_ms >= SCAN_PROOF_AGE_MS)
		return play.told & ~(unsigned)TOLD_CLEAN;
	return play.told;
}

void
clamd_begin_talk(void)
{
	struct strbuf answer = play.talk.answer;

	conclude();
	answer.len = 0;
	play.talk =
	    (struct clamd_talk){.answer = answer, .begun_ms = play.now_ms};
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

/* Whole, and in order. */
bool
clamd_was_said(const struct strbuf *content)
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
	strbuf_free(&read);
	return found;
}

/*
 * What got no verdict is shown once more; what was given as a file is streamed, too,
 * if that did not get there.
 */
static bool
is_shown_again(const char *p, size_t len)
{
	const unsigned most =
	    play.settings.scan.mode == SCAN_MODE_FILDES ? 3 : 2;
	bool again = play.times_shown % most > 0 && play.shown.len == len &&
	    memcmp(strbuf_str(&play.shown), p, len) == 0;

	play.times_shown = again ? play.times_shown + 1 : 1;
	return again;
}

/* Content as clamd is shown it: behind the scan-only line. */
static void
note_shown(const char *p, size_t len)
{
	const size_t n = strlen(CLAMD_SCAN_LINE);

	play.talk.was_shown = true;
	play.talk.is_proof = len > 7000 && len < 9000 &&
	    memcmp(p, PROOF_LINE, strlen(PROOF_LINE)) == 0;
	if (play.talk.is_proof)
		return;
	CHECK(len >= n && memcmp(p, CLAMD_SCAN_LINE, n) == 0);
	play.by_file = play.talk.by_file;
	play.asked = false;
	if (is_shown_again(p + n, len - n))
		return;
	strbuf_clear(&play.shown);
	strbuf_add(&play.shown, p + n, len - n);
	CHECK(clamd_was_said(&play.shown));
}

static void
note_file(int fd, const char *subject)
{
	struct strbuf file = {0};
	ssize_t n;

	CHECK(fd >= 0);
	play.talk.by_file = true;
	CHECK(strlen(subject) < sizeof play.talk.subject);
	strcpy(play.talk.subject, subject);
	CHECK(strbuf_reserve(&file, VOLUME_MAX) == 0);
	n = pread(fd, file.data, VOLUME_MAX, 0);
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
		strcpy(play.talk.subject, "stream");
		note_shown(strbuf_str(&content), content.len);
	}
	strbuf_free(&content);
}

void
clamd_hear(void)
{
	const struct strbuf *h = &play.clamd.heard;
	static const char scan[] = "zSCAN ", stream[] = "nINSTREAM\n";
	static const char fildes[] = "zFILDES\0"; /* and one octet more */

	if (play.talk.was_shown || h->len == 0)
		return;
	if (h->len > strlen(scan) && memcmp(h->data, scan, 6) == 0 &&
	    h->data[h->len - 1] == '\0')
		note_file(open(h->data + strlen(scan), O_RDONLY | O_CLOEXEC),
		    h->data + strlen(scan));
	else if (h->len == sizeof fildes &&
	    memcmp(h->data, fildes, sizeof fildes) == 0) {
		note_file(play.clamd.passed, "fd[");
		play.clamd.passed = -1;
	} else if (h->len > strlen(stream) && memcmp(h->data, stream, 10) == 0)
		note_stream(h->data + strlen(stream), h->len - strlen(stream));
}
