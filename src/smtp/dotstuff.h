/*
 * The content of DATA on the wire and as it is: dot-stuffing, the end of mail
 * data, and the repair of stray line ends.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_DOTSTUFF_H
#define SRC_SMTP_DOTSTUFF_H

#include <stdbool.h>
#include <stddef.h>

enum dot_state {
	DOT_LINE_START, /* behind CRLF, or before the first octet */
	DOT_TEXT, /* within a line */
	DOT_CR, /* behind a CR of which the meaning is not known */
	DOT_LINE_START_DOT, /* behind CRLF and a dot */
	DOT_LINE_START_DOT_CR, /* behind CRLF, a dot and CR */
	DOT_END /* the end of mail data was seen */
};

struct dot_decoder { /* zeroed before a message */
	enum dot_state state;
	bool repaired; /* a stray CR or LF was seen */
	bool may_have_dots; /* a line of the content may begin with a dot */
	/* octets of the input that are no content: dots, and the end of it */
	unsigned long long removed;
};

/* Octets of output that must be free for dot_decode to go on. */
#define DOT_DECODE_ROOM 4

/*
 * Decode content as received: removes dot-stuffing, finds the end of mail data,
 * and makes every line end CRLF: a stray LF becomes CRLF, a stray CR a space.
 * All other octets, NUL among them, stay as they are.
 *
 * in/inlen: any chunk of the stream, in octets; it may be cut anywhere, the
 * state lives in d.  out has room for outcap >= DOT_DECODE_ROOM octets; *outlen
 * is set.  Returns the octets used: less than inlen when the output has too
 * little room for more, or when d->state became DOT_END: the rest belongs to
 * the next command.  Cannot fail.
 * Only CRLF.CRLF ends the data (or .CRLF at its very beginning); a dot behind
 * a stray LF is content.
 * Source: RFC 5321 4.5.2 (transparency), 4.1.1.4 (end of mail data), 2.3.8
 * (stray CR and LF).
 */
size_t dot_decode(struct dot_decoder *d, const char *in, size_t inlen,
    char *out, size_t outcap, size_t *outlen);

struct dot_encoder { /* zeroed before a message */
	bool in_line; /* not at the start of a line */
};

/*
 * Encode content that dot_decode made: doubles the dot at the start of a line.
 * in may be cut anywhere; the output has room for 2 * inlen octets.  Returns
 * the octets of output.  The caller adds DOT_TERMINATOR after the last line.
 * Source: RFC 5321 4.5.2.
 */
size_t dot_encode(
    struct dot_encoder *e, const char *in, size_t inlen, char *out);

#define DOT_TERMINATOR ".\r\n"

#endif
