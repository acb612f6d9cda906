/*
 * The questions to clamd.
 *
 * An answer counts only when it comes after the last octet of the question, so
 * what has been said is looked at before the write that has that octet in it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SCAN_CLAMD_ASK_H
#define SRC_SCAN_CLAMD_ASK_H

#include "common/conn.h"
#include "src/mail/content.h"

/*
 * clamd takes a file for mail by its first line, so this one is put before the
 * content for the scan alone; a sender could else hide a message's nature.
 */
#define CLAMD_SCAN_LINE "Received: by clamsmtpd; for the scan only\r\n"

/*
 * Send the finished content: nINSTREAM, then chunks of a length and as
 * many octets, and a length of 0 at the end.
 * Returns IO_OK, IO_EOF when clamd said something, or closed, before the end
 * was sent, or as conn_send.
 * Source: clamd(8).
 */
enum io clamd_ask_stream(struct conn *c, const struct content *content);

/* Send this text, a whole mail that has its first line, likewise. */
enum io clamd_ask_text(struct conn *c, const char *text);

/* Pass the descriptor of the finished content's file: zFILDES.  Likewise. */
enum io clamd_ask_fildes(struct conn *c, const struct content *content);

/* Name the finished content's file: zSCAN.  As clamd_ask_stream. */
enum io clamd_ask_scan(struct conn *c, const struct content *content);

#endif
