/*
 * Connections that the firewall has led to us.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_REDIRECT_H
#define COMMON_REDIRECT_H

#include "common/addr.h"

/*
 * Where the client of the redirected connection fd wanted to go.
 * Returns 0, or -1 with errno (ENOENT: it was not redirected, ENOPROTOOPT: the
 * system knows no such thing).  Source: netfilter's SO_ORIGINAL_DST.
 */
int redirect_destination(int fd, struct addr *destination);

#endif
