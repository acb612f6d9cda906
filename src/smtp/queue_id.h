/*
 * The name that a mail server has given a message.  Pure.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_QUEUE_ID_H
#define SRC_SMTP_QUEUE_ID_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Find the queue id in the server's reply to the end of mail data: its first
 * line, len octets without CRLF.  *id points into it, *id_len octets: letters,
 * digits, '-', '_' and '.' alone.  False: it tells none that we know.
 *
 *   Postfix, and who passes on its words   250 2.0.0 Ok: queued as 4XYZabc1
 *   Exim                                   250 OK id=1rAbCd-0000Xy-2A
 *   sendmail                               250 2.0.0 3AS1x9 Message accepted for
 *                                          delivery
 *   OpenSMTPD                              250 2.0.0 1a2b3c4d Message accepted
 *                                          for delivery
 *
 * Source: replies of these servers (tests/unit/smtp/queue_id.c).
 */
bool queue_id_find(
    const char *reply, size_t len, const char **id, size_t *id_len);

#endif
