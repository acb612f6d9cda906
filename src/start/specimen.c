/*
 * Messages with the EICAR test virus.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/specimen.h"

#include <stdint.h>
#include <string.h>

#include "common/strbuf.h"

#define BASE64_LINE 76 /* octets at most; RFC 2045 6.8 */
#define BOUNDARY "clamsmtpd-test"
#define MEMBER "eicar.com" /* in the archive */
/* Of the filler; scanners look at the whole of it. */
#define LINE "This line is only here to make the message as large as it is.\r\n"
#define CLAMD_LINE_ROOM 1024 /* of the size: the scan-only line, and headers */

/* The text of eicar.org, backwards. */
static const char backwards[] =
    "*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X";

/* Not even the compiler may know what comes of it. */
static void
put_virus(struct strbuf *out)
{
	volatile size_t i = strlen(backwards);

	while (i > 0) {
		i--;
		strbuf_add(out, &backwards[i], 1);
	}
}

/* CRC-32 as zip has it; APPNOTE.TXT 4.4.7. */
static uint32_t
checksum(const char *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320U & (0U - (crc & 1)));
	}
	return ~crc;
}

/* The low octets of n, the lowest first. */
static void
put_number(struct strbuf *out, int octets, uint32_t n)
{
	for (; octets > 0; octets--, n >>= 8) {
		char c = (char)(n & 0xff);

		strbuf_add(out, &c, 1);
	}
}

/* What both headers of a member share, from "version needed" on. */
static void
put_member(struct strbuf *out, uint32_t crc, uint32_t size)
{
	put_number(out, 2, 10); /* version needed: 1.0 */
	put_number(out, 4, 0); /* no flags, stored */
	put_number(out, 4, 0x00210000); /* 1 January 1980, 0:00 */
	put_number(out, 4, crc);
	put_number(out, 4, size); /* compressed... */
	put_number(out, 4, size); /* ... and not */
	put_number(out, 2, sizeof MEMBER - 1);
	put_number(out, 2, 0); /* no extra field */
}

/* An archive with data as its one, stored member; APPNOTE.TXT 4.3. */
static void
put_zip(struct strbuf *out, const char *data, size_t len)
{
	const uint32_t crc = checksum(data, len);
	size_t directory;

	strbuf_puts(out, "PK\3\4");
	put_member(out, crc, (uint32_t)len);
	strbuf_puts(out, MEMBER);
	strbuf_add(out, data, len);
	directory = out->len;
	strbuf_puts(out, "PK\1\2");
	put_number(out, 2, 10);
	put_member(out, crc, (uint32_t)len);
	put_number(out, 2, 0); /* no comment */
	put_number(out, 4, 0); /* the first disk, binary */
	put_number(out, 4, 0); /* attributes */
	put_number(out, 4, 0); /* where the member is */
	strbuf_puts(out, MEMBER);
	len = out->len - directory;
	strbuf_puts(out, "PK\5\6");
	put_number(out, 4, 0); /* the first disk alone */
	put_number(out, 4, 0x00010001); /* one entry, one in all */
	put_number(out, 4, (uint32_t)len);
	put_number(out, 4, (uint32_t)directory);
	put_number(out, 2, 0); /* no comment */
}

static void
put_base64(struct strbuf *out, const char *data, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const size_t per_line = (size_t)BASE64_LINE / 4 * 3;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t n = 0;
		char four[5] = "";

		for (size_t j = i; j < i + 3; j++)
			n = n << 8 | (j < len ? (unsigned char)data[j] : 0);
		for (size_t j = 0; j < 4; j++)
			four[j] =
			    i + j > len ? '=' : digits[n >> (18 - 6 * j) & 63];
		strbuf_puts(out, four);
		if ((i + 3) % per_line == 0 || i + 3 >= len)
			strbuf_puts(out, "\r\n");
	}
}

static void
take(struct content *content, const char *text, size_t len)
{
	(void)content_take(content, text, len);
}

/* The last part of the message, and its end. */
static void
put_attachment(struct strbuf *out, bool zipped)
{
	struct strbuf virus = {0}, zip = {0};
	const struct strbuf *data = zipped ? &zip : &virus;

	put_virus(&virus);
	put_zip(&zip, strbuf_str(&virus), virus.len);
	strbuf_puts(out,
	    "--" BOUNDARY "\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"");
	strbuf_puts(out, zipped ? "eicar.zip" : MEMBER);
	strbuf_puts(out, "\"\r\n\r\n");
	put_base64(out, strbuf_str(data), data->len);
	strbuf_puts(out, "--" BOUNDARY "--\r\n.\r\n");
	strbuf_free(&virus);
	strbuf_free(&zip);
}

static void
put_header(struct strbuf *out, enum specimen specimen)
{
	if (specimen == SPECIMEN_ODD_HEADER)
		strbuf_puts(out, "X-Odd-First-Line: yes\r\n");
	strbuf_puts(out,
	    "From: <clamsmtpd@localhost>\r\n"
	    "To: <clamsmtpd@localhost>\r\n"
	    "Subject: clamsmtpd -T\r\n"
	    "Message-ID: <test@clamsmtpd.invalid>\r\n");
	if (specimen != SPECIMEN_TEXT)
		strbuf_puts(out,
		    "MIME-Version: 1.0\r\n"
		    "Content-Type: multipart/mixed; boundary=\"" BOUNDARY
		    "\"\r\n");
	strbuf_puts(out, "\r\n");
}

/* The message around its filler. */
static void
put_ends(struct strbuf *head, struct strbuf *tail, enum specimen specimen)
{
	put_header(head, specimen);
	if (specimen == SPECIMEN_TEXT) {
		put_virus(tail);
		strbuf_puts(tail, "\r\n.\r\n");
	} else {
		strbuf_puts(head, "--" BOUNDARY "\r\n\r\n" LINE);
		put_attachment(tail, specimen == SPECIMEN_ZIP);
	}
}

int
specimen_make(struct content *content, enum specimen specimen, size_t size)
{
	struct strbuf head = {0}, tail = {0};
	bool whole;

	put_ends(&head, &tail, specimen);
	take(content, strbuf_str(&head), head.len);
	for (size_t len = head.len + tail.len + CLAMD_LINE_ROOM; len < size;
	     len += sizeof LINE - 1)
		take(content, LINE, sizeof LINE - 1);
	take(content, strbuf_str(&tail), tail.len);
	content_finish(content);
	whole = !head.failed && !tail.failed;
	strbuf_free(&head);
	strbuf_free(&tail);
	return whole && !content->failed ? 0 : -1;
}
