/*
 * Messages with the EICAR test virus in them, which every scanner knows and
 * which harms nobody.  Its text stands nowhere in the program: it is put
 * together at run time, or an antivirus would take the program for it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_START_SPECIMEN_H
#define SRC_START_SPECIMEN_H

#include "src/mail/content.h"

enum specimen {
	SPECIMEN_TEXT, /* it is the only text */
	SPECIMEN_BASE64, /* an attachment */
	SPECIMEN_ZIP, /* an attachment in a zip archive */
	SPECIMEN_ODD_HEADER, /* an attachment, behind a first header line by
				which nobody knows mail */
	SPECIMEN_COUNT
};

/*
 * Give the message to an open content, whole, and finish that.  size: a message
 * of so many octets with the virus as the last attachment is made of
 * SPECIMEN_BASE64; 0: no larger than need be.
 * Returns 0, or -1 when it could not be made or kept.
 */
int specimen_make(struct content *content, enum specimen specimen, size_t size);

#endif
