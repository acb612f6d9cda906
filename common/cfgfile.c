/*
 * Files of "Name: value" lines.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/cfgfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/deadline.h"
#include "common/strbuf.h"
#include "common/strutil.h"

#define BLOCK_SIZE 4096 /* octets */
#define WAIT_MS 5000 /* for all of what comes by a pipe */
#define FILE_MAX ((size_t)16 << 20) /* octets; a mistake when there are more */

/* One trimmed line, in memory that may be written to. */
static int
parse_line(char *line, unsigned number, const struct cfgfile_handler *h)
{
	char *colon = strchr(line, ':');
	const char *name = line, *value;
	size_t name_len, value_len;

	if (*line == '\0' || *line == '#')
		return 0;
	if (colon == NULL || colon == line) {
		h->error(h->context, number,
		    colon == NULL ? CFGFILE_NO_COLON : CFGFILE_NO_NAME,
		    colon == NULL ? line : "");
		return -1;
	}
	name_len = (size_t)(colon - line);
	str_trim(&name, &name_len);
	value = colon + 1;
	value_len = strlen(value);
	str_trim(&value, &value_len);
	line[name_len] = '\0';
	return h->option(h->context, number, name, value);
}

int
cfgfile_parse(const char *text, size_t len, const struct cfgfile_handler *h)
{
	const char *end = text + len;
	unsigned number = 0;
	int faults = 0;

	while (faults < CFGFILE_FAULTS_MAX && text < end) {
		const char *lf = memchr(text, '\n', (size_t)(end - text));
		const char *trimmed = text;
		size_t n = (size_t)((lf == NULL ? end : lf) - text);
		char *line;

		text = lf == NULL ? end : lf + 1;
		number++;
		str_trim(&trimmed, &n);
		line = strndup(trimmed, n);
		if (line == NULL)
			return -1;
		if (strlen(line) != n) {
			h->error(h->context, number, CFGFILE_NUL, line);
			faults++;
		} else if (parse_line(line, number, h) < 0)
			faults++;
		free(line);
	}
	return faults == 0 ? 0 : -1;
}

/* As read(2); a pipe's other end may never write, or never come. */
static ssize_t
read_some(int fd, char block[BLOCK_SIZE], struct deadline d)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int ready = poll(&p, 1, deadline_left_ms(d));

	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0 ? read(fd, block, BLOCK_SIZE) : -1;
}

int
cfgfile_read(const char *path, char **text, size_t *len)
{
	const struct deadline d = deadline_in(WAIT_MS);
	struct strbuf b = {0};
	char block[BLOCK_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), saved;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	while (strbuf_reserve(&b, BLOCK_SIZE) == 0) {
		n = read_some(fd, block, d);
		if (n > 0 && b.len + (size_t)n > FILE_MAX) {
			errno = EFBIG;
			n = -1;
		}
		if (n <= 0)
			break;
		strbuf_add(&b, block, (size_t)n);
		n = -1; /* should the next reservation fail */
	}
	saved = errno;
	(void)close(fd);
	errno = saved;
	if (n < 0) {
		strbuf_free(&b);
		return -2;
	}
	*text = b.data;
	*len = b.len;
	return 0;
}
