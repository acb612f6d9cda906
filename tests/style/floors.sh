#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# A file includes only headers of its own floor or lower ones (doc/design.md);
# common/ never includes src/, the pure floor does no input or output, and a
# file or function that has grown too long is found.
set -u

cd "${srcdir:-.}" || exit 99
bad=0

complain()
{
	echo "$*"
	bad=1
}

floor()
{
	case $1 in
	src/clamsmtpd) echo 4 ;;
	src/session | src/commands | src/replies | src/message | src/forward)
		echo 3 ;;
	src/clamd | src/spool | src/spool_dir | src/hook | src/settings) echo 2 ;;
	src/*) echo 1 ;;
	common/*) echo 0 ;;
	esac
}

for f in src/*.c src/*.h common/*.c common/*.h; do
	own=$(floor "${f%.*}")
	for i in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$f"); do
		[ -f "$i" ] || complain "$f: $i is not written from the top"
		[ "$(floor "${i%.*}")" -le "$own" ] ||
			complain "$f (floor $own) includes $i"
	done
	if [ "$own" = 1 ]; then
		grep -HnE '<(unistd|fcntl|poll|syslog|sys/(socket|stat|uio))\.h>|common/(log|conn|sock|deadline)\.h' "$f" &&
			complain "$f: the pure floor does no input or output"
	fi
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
