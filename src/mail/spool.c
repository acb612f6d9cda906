/*
 * The temporary file with a message's content.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/spool.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/pool.h"
#include "src/mail/spool_dir.h"

#define QUARANTINE_NAME "virus."

const char *
spool_path(const struct spool *s)
{
	return s->path.len > 0 ? strbuf_str(&s->path) : s->dir;
}

/* The memory; errno stays. */
static void
give_up(struct spool *s)
{
	int saved = errno;

	pool_put(s->block);
	strbuf_free(&s->path);
	s->block = NULL;
	s->fd = -1;
	errno = saved;
}

int
spool_open(struct spool *s, const char *dir, const char *prefix, bool named)
{
	*s = (struct spool){.fd = -1, .dir = dir};
	s->block = pool_get();
	if (s->block == NULL)
		return -1;
	if (named)
		s->fd = spool_dir_create(dir, SPOOL_DIR_PREFIX, true, &s->path);
	else
		s->fd = spool_dir_take(dir);
	if (s->fd < 0) {
		give_up(s);
		return -1;
	}
	if (prefix != NULL) {
		s->prefix_len = strlen(prefix);
		memcpy(s->block, prefix, s->prefix_len);
		s->block_len = s->prefix_len;
	}
	return 0;
}

static int
write_all(int fd, const char *data, size_t len, off_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

static int
write_block(struct spool *s)
{
	if (write_all(s->fd, s->block, s->block_len, s->written) < 0) {
		s->failed = true;
		return -1;
	}
	s->written += (off_t)s->block_len;
	return 0;
}

char *
spool_room(struct spool *s, size_t min, size_t *room)
{
	if (SPOOL_BLOCK_SIZE - s->block_len < min) {
		if (write_block(s) < 0)
			return NULL;
		s->block_len = 0;
	}
	*room = SPOOL_BLOCK_SIZE - s->block_len;
	return s->block + s->block_len;
}

void
spool_commit(struct spool *s, size_t len)
{
	s->block_len += len;
}

int
spool_finish(struct spool *s)
{
	if (write_block(s) < 0)
		return -1;
	/* Who reads all of the file must not find what an older message left. */
	if (s->prefix_len > 0 && ftruncate(s->fd, s->written) < 0) {
		s->failed = true;
		return -1;
	}
	return 0;
}

off_t
spool_size(const struct spool *s)
{
	return s->written - (off_t)s->prefix_len;
}

char *
spool_memory(const struct spool *s)
{
	if (s->written != (off_t)s->block_len)
		return NULL;
	return s->block + s->prefix_len;
}

ssize_t
spool_read(const struct spool *s, off_t offset, char *buf, size_t len)
{
	const char *memory = spool_memory(s);
	off_t left = spool_size(s) - offset;
	ssize_t n;

	if (left < (off_t)len)
		len = (size_t)left;
	if (memory != NULL) {
		memcpy(buf, memory + offset, len);
		return (ssize_t)len;
	}
	do
		n = pread(s->fd, buf, len, offset + (off_t)s->prefix_len);
	while (n < 0 && errno == EINTR);
	return n;
}

bool
spool_is_whole(const struct spool *s)
{
	struct stat st;

	errno = 0;
	/* A link is what clamd finds one by that has a name. */
	return fstat(s->fd, &st) == 0 && st.st_size >= s->written &&
	    (s->path.len == 0 || st.st_nlink > 0);
}

bool
spool_is_readable(const struct spool *s)
{
	char *buf = spool_memory(s) != NULL ? NULL : pool_get();
	off_t offset = 0;
	ssize_t n = 1;

	while (buf != NULL && n > 0) {
		errno = 0;
		n = spool_read(s, offset, buf, SPOOL_BLOCK_SIZE);
		offset += n > 0 ? n : 0;
	}
	if (buf != NULL)
		pool_put(buf);
	return n >= 0 && spool_is_whole(s);
}

static int
copy_content(const struct spool *s, int fd, char *buf)
{
	off_t offset = 0;
	ssize_t n;

	while ((n = spool_read(s, offset, buf, SPOOL_BLOCK_SIZE)) > 0) {
		if (write_all(fd, buf, (size_t)n, offset) < 0)
			return -1;
		offset += n;
	}
	if (n == 0 && offset < spool_size(s)) {
		errno = EIO;
		return -1;
	}
	return (int)n;
}

/* Returns rc, or -1 when what was written cannot be closed. */
static int
close_copy(int fd, int rc)
{
	int saved = errno;

	if (close(fd) < 0 && rc == 0)
		return -1;
	errno = saved;
	return rc;
}

int
spool_quarantine(const struct spool *s, struct strbuf *path)
{
	char *buf = pool_get();
	int fd, saved, rc = -1;

	if (buf == NULL)
		return -1;
	fd = spool_dir_create(s->dir, QUARANTINE_NAME, true, path);
	if (fd < 0)
		goto out;
	rc = close_copy(fd, copy_content(s, fd, buf));
	if (rc < 0) {
		saved = errno;
		(void)unlink(strbuf_str(path));
		errno = saved;
	}
out:
	saved = errno;
	pool_put(buf);
	errno = saved;
	return rc;
}

/* The disk gets back what a large message took; a little stays, to be used. */
static void
keep_file(struct spool *s)
{
	if (s->failed || s->retired ||
	    (s->written > SPOOL_KEPT_MAX && ftruncate(s->fd, 0) < 0))
		(void)close(s->fd);
	else
		spool_dir_keep(s->fd);
}

void
spool_retire(struct spool *s)
{
	s->retired = true;
}

void
spool_close(struct spool *s)
{
	if (s->block == NULL)
		return;
	if (s->path.len > 0) {
		(void)unlink(strbuf_str(&s->path));
		(void)close(s->fd);
	} else
		keep_file(s);
	give_up(s);
}
