#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# What only other systems compile compiles: without a packet filter that we know,
# and with pf, of whose header there is as much here as is needed.
set -u
srcdir=${srcdir:-$(dirname "$0")/../..}
command -v cc >/dev/null || { echo "there is no cc"; exit 77; }

compiles() {
	cc -std=c11 -D_GNU_SOURCE -U__linux__ -Wall -Wextra -Wconversion -Werror \
		-I"$srcdir" "$@" -fsyntax-only "$srcdir/common/redirect.c"
}

compiles && compiles -DHAVE_NET_PFVAR_H -I"$srcdir/tests/style/pf"
