#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# A file includes only headers of its own wing or of lower ones, and the pure
# wing does no input or output; a file or function that has grown too long is
# found.
set -u

cd "${srcdir:-.}" || exit 99
bad=0

complain()
{
	echo "$*"
	bad=1
}

# The wings from the roof down; doc/design.md tells what each is for.
wings='src start session config scan mail smtp common'

floor()
{
	case $1 in
	src/*/*) wing=${1#src/} wing=${wing%%/*} ;;
	*) wing=${1%%/*} ;;
	esac
	n=0
	for w in $wings; do
		n=$((n + 1))
		[ "$w" != "$wing" ] || echo "$n"
	done
}

for f in src/*.c src/*/*.[ch] common/*.[ch]; do
	own=$(floor "$f")
	[ -n "$own" ] || complain "$f is in no wing"
	for i in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$f"); do
		[ -f "$i" ] || complain "$f: $i is not written from the top"
		[ "$(floor "$i")" -ge "$own" ] || complain "$f includes $i"
	done
	case $f in
	src/smtp/*)
		grep -HnE '<(unistd|fcntl|poll|syslog|sys/(socket|stat|uio))\.h>|common/(log|conn|sock|deadline)\.h' "$f" &&
			complain "$f: the pure wing does no input or output"
		;;
	esac
	lines=$(wc -l <"$f")
	[ "$lines" -le 500 ] || complain "$f: $lines lines, more than 500"
	awk -v f="$f" '
		/^[a-z_]+\(/ { name = $1; start = FNR }
		/^}/ { if (start && FNR - start > 90) {
				print f ": " name " has " FNR - start " lines"
				exit 1 }
			start = 0 }' "$f" || bad=1
done
exit $bad
