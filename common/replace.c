/*
 * A file that is replaced as a whole.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "common/strbuf.h"

/* As write(2), until all is written. */
static int
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Whatever the umask: its readers are others. */
static int
fill(int fd, mode_t mode, const char *text, size_t len, struct stat *made)
{
	if (write_all(fd, text, len) < 0 || fchmod(fd, mode) < 0)
		return -1;
	return fstat(fd, made);
}

static int
make(const char *path, mode_t mode, const char *text, size_t len,
    struct stat *made)
{
	/* What a killed daemon of our number has left, or somebody has laid
	 * there, is not written to. */
	int fd, rc, saved;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	rc = fill(fd, mode, text, len, made);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return rc;
}

/* Is it a device or the like?  Root could replace that as any file. */
static bool
is_no_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode);
}

int
replace_file(const char *path, mode_t mode, const char *text, size_t len,
    struct stat *made)
{
	struct strbuf beside = {0};
	char number[32];
	int rc = -1, saved;

	if (is_no_file(path)) {
		errno = EEXIST;
		return -1;
	}
	snprintf(number, sizeof number, ".%ld.new", (long)getpid());
	strbuf_puts(&beside, path);
	strbuf_puts(&beside, number);
	errno = ENOMEM;
	if (!beside.failed) {
		rc = make(strbuf_str(&beside), mode, text, len, made);
		if (rc == 0)
			rc = rename(strbuf_str(&beside), path);
		saved = errno;
		if (rc < 0)
			(void)unlink(strbuf_str(&beside));
		errno = saved;
	}
	strbuf_free(&beside);
	return rc;
}
