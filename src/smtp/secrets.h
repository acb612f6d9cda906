/*
 * What of the dialogue must not be logged: the answers to AUTH, in whichever
 * form they come.  Pure: watches the lines that pass, in both directions.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_SMTP_SECRETS_H
#define SRC_SMTP_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed at the beginning of a connection. */
struct secrets {
	bool asked; /* a 334 was seen: the client's next line answers it */
	bool told; /* the client's last line was a secret: so is its copy */
	bool auth; /* AUTH was seen: what is no command may be an answer */
};

/*
 * How many octets of a line may be shown; what follows them is a secret.  way
 * is '<' for a line that came and '>' for one that goes; secrets is a struct
 * secrets.  Of AUTH it is the verb and the name of a mechanism that is known.
 * An answer to 334 shows nothing, nor does a line that is no command once AUTH
 * was seen: who does not wait sends its answers whatever AUTH was told.
 * Cannot fail.  Source: RFC 4954 4.
 */
size_t secrets_shown_of_client(
    void *secrets, char way, const char *line, size_t len);
size_t secrets_shown_of_upstream(
    void *secrets, char way, const char *line, size_t len);

#endif
