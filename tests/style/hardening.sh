#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The program has what compiler and linker can do against a mistake in it.
set -u
program=${CLAMSMTPD:-src/clamsmtpd}
bad=0

# flags NAME: what the Makefile of this build says.
flags() {
	sed -n "s/^$1 = *//p" Makefile
}

# want WHAT TEXT PATTERN
want() {
	printf '%s\n' "$2" | grep -Eq "$3" && return
	echo "$program: no $1"
	bad=1
}

command -v readelf >/dev/null || { echo "there is no readelf"; exit 77; }
case $(flags EXTRA_CFLAGS) in
*-fsanitize*) echo "a build for sanitizers, not for use"; exit 0 ;;
esac
headers=$(readelf -Wld "$program") && symbols=$(readelf -Ws "$program") || exit 99
want 'PIE' "$headers" 'file type is DYN'
want 'RELRO' "$headers" '^ +GNU_RELRO '
want 'BIND_NOW' "$headers" '\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*NOW|\(BIND_NOW\)'
want 'stack without execution' "$headers" '^ +GNU_STACK .* RW +0x'
case $(flags CFLAGS) in
*-O0*) exit $bad ;;
esac
# Whose C library has no checks of FORTIFY_SOURCE has no such symbols.
case $symbols in
*@GLIBC_*) want 'checks of FORTIFY_SOURCE' "$symbols" '__(mem|v?snprintf).*_chk' ;;
esac
echo '#include <stdio.h>' |
	$(flags CC) -Werror -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
		-fsyntax-only -x c - 2>/dev/null &&
	want 'FORTIFY_SOURCE=3' "$(flags HARDEN_CFLAGS)" '_FORTIFY_SOURCE=3'
exit $bad
