#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The end-to-end tests for `make check`: finds a Python that has pytest, and
# leaves no file in the source tree.  $CLAMSMTPD is the daemon, as make says.
# With --can it only tells whether there is one.
set -u
srcdir=${srcdir:-$(dirname "$0")/../..}
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

has() {
	"$python" -c "import $1" 2>/dev/null
}

for python in python3 /usr/bin/python3; do
	if has pytest; then
		[ "${1-}" != --can ] || exit 0
		set -- -q -rs -p no:cacheprovider "$@"
		if has xdist; then
			set -- -n 4 --dist loadfile "$@"
		fi
		exec "$python" -m pytest "$@" "$srcdir/tests/e2e"
	fi
done
echo "skipped: tests/e2e: there is no Python with pytest (Debian: python3-pytest)"
exit 77
