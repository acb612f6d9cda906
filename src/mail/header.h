/*
 * Where a header line may be added to a message, and its Message-ID.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_MAIL_HEADER_H
#define SRC_MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum header_state {
	HEADER_LINE_START,
	HEADER_NAME, /* in what may be a field's name */
	HEADER_BEHIND_NAME, /* blanks behind it */
	HEADER_BODY, /* in a field, or a continuation with text */
	HEADER_ID, /* the same of the Message-ID */
	HEADER_BLANKS, /* a line that was only blanks so far */
	HEADER_FOUND /* the places are known */
};

#define HEADER_ID_MAX 256 /* octets of a Message-ID that are kept */

/* Finds the place for another header field.  Zeroed before a message. */
struct header_scan {
	enum header_state state;
	bool first_line_done;
	bool had_field; /* a field came before this line */
	off_t offset; /* of the next octet fed */
	off_t line_start; /* of the line we are in */
	off_t field_start; /* of the last field */
	size_t name_len;
	char name[10]; /* its beginning, for "From " and "Message-ID" */
	bool had_id; /* a Message-ID came before this line, or in it */
	bool in_id; /* this field is the first one */
	size_t id_len; /* result: octets of its value, 0: none */
	char id[HEADER_ID_MAX];
	off_t top; /* result: behind an mbox line, else 0; -1: none */
	off_t bottom; /* result: end of the header section; -1: none */
};

/*
 * Feed content with CRLF line ends, cut anywhere.  Cheap once the places are
 * known.  Cannot fail.
 *
 * The header section ends before the first line that is neither a field
 * ("Name: ...") nor a continuation (begins with a blank).  A line of blanks
 * alone is a continuation to some readers and the end of the header section to
 * others, so the place is then before the field that it would continue.
 * Where the first line begins with a blank there is no place: it would become a
 * continuation of what we add.
 * id becomes what the first Message-ID holds: "<...>" where there is that, else
 * all of it, without the blanks around it and the line ends of a folded one; what
 * is longer than HEADER_ID_MAX is cut.
 * Source: RFC 5322 2.1, 2.2, 2.2.3, 3.6.4.
 */
void header_scan_feed(struct header_scan *s, const char *in, size_t inlen);

/*
 * The content has ended.  Afterwards top and bottom are offsets in it where a
 * header field (with its CRLF) may be inserted, or -1.
 */
void header_scan_finish(struct header_scan *s);

#endif
