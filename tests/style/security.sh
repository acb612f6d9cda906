#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Each promise in doc/security.md names a test, and all that it names exist:
# files below tests/ and test functions.
set -u
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99

status=0
complain() {
	echo "doc/security.md: $*"
	status=1
}

# The rows of promises have three cells, and the last one is not empty.
promises=$(grep '^| [A-Z`].*|.*|.*|$' doc/security.md)
if [ "$(printf '%s\n' "$promises" | wc -l)" -lt 20 ]; then
	complain "cannot read the tables"
fi
tests=$(printf '%s\n' "$promises" | sed 's/.*|\([^|]*\)|$/\1/')
if printf '%s\n' "$tests" | grep -qv "\`"; then
	complain "a promise without a test"
fi
for name in $(printf '%s\n' "$tests" | grep -o "\`[^\`]*\`" | tr -d "\`"); do
	case $name in
	*/* | *.sh)
		[ -e "tests/$name" ] || complain "no file tests/$name"
		;;
	*)
		grep -qs "^ *def $name(" tests/*/test_*.py ||
			complain "no test function $name"
		;;
	esac
done
exit $status
