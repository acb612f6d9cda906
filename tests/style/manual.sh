#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The manual pages pass mandoc's lint.
set -u
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99

command -v mandoc >/dev/null || {
	echo "mandoc is not installed"
	exit 77
}

# Whether a page that is referred to is installed says nothing about ours, nor
# does the state of this machine's manual database, of which mandoc also speaks.
findings=$(mandoc -Tlint -Wstyle doc/clamsmtpd.8 doc/clamsmtpd.conf.5 2>&1 |
	grep '^mandoc: doc/' | grep -v 'referenced manual not found')
if [ -n "$findings" ]; then
	printf '%s\n' "$findings"
	exit 1
fi
