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

static bool
ends_line(char c)
{
	return c == '\n' || c == '\0';
}

enum told
clamd_judge(void)
{
	const char *subject =
	    play.settings.scan.mode == SCAN_MODE_SCAN ? play.path : "stream";
	const char *a = strbuf_str(&play.answer);
	size_t n = strlen(subject);

	/* Only what was seen as a whole can be clean. */
	if (play.was_shown && play.answer.len == n + 5 &&
	    memcmp(a, subject, n) == 0 && memcmp(a + n, ": OK", 4) == 0 &&
	    ends_line(a[n + 4]))
		return TOLD_CLEAN;
	for (size_t i = 0; i + 7 <= play.answer.len; i++)
		if (memcmp(a + i, " FOUND", 6) == 0)
			return TOLD_FOUND;
	return TOLD_OTHER;
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

/* What got no verdict is shown once more. */
static bool
is_shown_again(const char *p, size_t len)
{
	bool again = play.shown_once && play.shown.len == len &&
	    memcmp(strbuf_str(&play.shown), p, len) == 0;

	play.shown_once = !again;
	return again;
}

/* Content as clamd is shown it: behind the scan-only line. */
static void
note_shown(const char *p, size_t len)
{
	const size_t n = strlen(CLAMD_SCAN_LINE);

	CHECK(len >= n && memcmp(p, CLAMD_SCAN_LINE, n) == 0);
	play.was_shown = true;
	play.asked = false;
	if (is_shown_again(p + n, len - n))
		return;
	strbuf_clear(&play.shown);
	strbuf_add(&play.shown, p + n, len - n);
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

void
clamd_hear(void)
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
