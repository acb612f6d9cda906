/*
 * Files of "Name: value" lines.
 *
 * White space around name and value does not count, a line whose first other
 * character is '#' is a comment, blank lines are nothing, the first colon
 * parts name from value.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_CFGFILE_H
#define COMMON_CFGFILE_H

#include <stddef.h>

#define CFGFILE_FAULTS_MAX 100 /* the rest is not read then */

/* What is wrong with a file; its text is printed behind file and line. */
enum cfgfile_error {
	CFGFILE_NO_COLON, /* name is the whole line */
	CFGFILE_NO_NAME,
	CFGFILE_NUL /* a NUL octet in the line */
};

struct cfgfile_handler {
	/* An option, NUL-terminated, borrowed.  0, or -1: a fault. */
	int (*option)(
	    void *context, unsigned line, const char *name, const char *value);
	/* A line that is none.  text is NUL-terminated, borrowed. */
	void (*error)(void *context, unsigned line, enum cfgfile_error error,
	    const char *text);
	void *context;
};

/*
 * Read text (len octets, any) line by line, beyond faults too, so that all of
 * them are said at once.  Returns 0, or -1 after there was one; -1 with ENOMEM
 * without a call.
 */
int cfgfile_parse(
    const char *text, size_t len, const struct cfgfile_handler *handler);

/*
 * Read the whole file into *text (*len octets; the caller frees it).
 * Returns 0; -1 with errno when it cannot be opened; -2 with errno when it
 * cannot be read (EISDIR for a directory, EFBIG for more than 16 MiB, ETIMEDOUT
 * when a pipe has not told all in 5 s).
 */
int cfgfile_read(const char *path, char **text, size_t *len);

#endif
