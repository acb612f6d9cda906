#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Each entry of doc/differences.md names a test, and all that it names exist:
# files of dialogues, test functions, unit tests.  The sections are for those
# who are concerned, and no entry stands there twice.
set -u
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99

status=0
complain() {
	echo "doc/differences.md: $*"
	status=1
}

[ "$(grep '^## ' doc/differences.md | paste -sd ,)" = \
	"## Mail,## The dialogue,## Running it,## Logs" ] ||
	complain "other sections"

# An entry a line.
entries=$(awk '
	/^\* / || !/^  / { if (entry) print entry; entry = "" }
	/^\* / { entry = $0 }
	/^  / && entry { sub(/^ +/, ""); entry = entry " " $0 }
	END { if (entry) print entry }' doc/differences.md)
[ "$(printf '%s\n' "$entries" | wc -l)" -ge 50 ] || complain "cannot read it"

untested=$(printf '%s\n' "$entries" | grep -v '(`[^()]*`)$')
[ -z "$untested" ] || complain "without a test: $untested"
twice=$(printf '%s\n' "$entries" | cut -c 1-40 | sort | uniq -d)
[ -z "$twice" ] || complain "twice: $twice"

for name in $(printf '%s\n' "$entries" |
    sed -n 's/.*(\(`[^()]*`\))$/\1/p' | tr -d '`,'); do
	case $name in
	unit/*) [ -e "tests/$name" ] || complain "no file tests/$name" ;;
	*.py) ls tests/*/"$name" >/dev/null 2>&1 || complain "no file $name" ;;
	*)
		grep -qs "^ *def $name(" tests/*/test_*.py tests/e2e/comparison.py ||
			complain "no test function $name"
		;;
	esac
done
exit $status
