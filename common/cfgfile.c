/*
 * Files of "Name: value" lines.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/cfgfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/strbuf.h"
#include "common/strutil.h"

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

int
cfgfile_read(const char *path, char **text, size_t *len)
{
	struct strbuf b = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	while (strbuf_reserve(&b, 65536) == 0) {
		n = read(fd, b.data + b.len, 65536);
		if (n > 0 && b.len + (size_t)n > FILE_MAX) {
			errno = EFBIG;
			n = -1;
		}
		if (n <= 0)
			break;
		b.len += (size_t)n;
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
