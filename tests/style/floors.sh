#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# A file includes only headers of its own wing or of lower ones, and no files
# include each other in a circle; the pure wing does no input or output; a file
# or function that has grown too long is found.  The wings, in order, are those
# of the table in doc/design.md.
set -u

cd "${srcdir:-.}" || exit 99
bad=0

# Headers that are still longer than they may be: nothing is added here.
long=''

complain()
{
	echo "$*"
	bad=1
}

# limit LINES FILE...
limit()
{
	most=$1
	shift
	for f; do
		[ -f "$f" ] || continue
		case $f in
	common/conn.c | common/conn_line.c | common/conn_out.c) ;;
	*)
		grep -HnE '(\.|->)own\.' "$f" &&
			complain "$f: what a connection calls its own is private"
		;;
	esac
	lines=$(wc -l <"$f")
		case " $long " in
		*" $f "*)
			[ "$lines" -gt "$most" ] ||
				complain "$f is short now: take it from the list"
			continue
			;;
		esac
		[ "$lines" -le "$most" ] ||
			complain "$f: $lines lines, more than $most"
	done
}

sources=$(ls src/*.[ch] src/*/*.[ch] common/*.[ch] 2>/dev/null)

# shellcheck disable=SC2086
awk '
	function complain(text) { print text; bad = 1 }
	function wing(file,  part) {
		split(file, part, "/")
		return part[1] == "src" && part[3] != "" ? part[2] : part[1]
	}
	BEGIN { for (i = 2; i < ARGC; i++) is_there[ARGV[i]] = 1 }
	FILENAME == ARGV[1] {
		if (/^## /)
			in_table = /^## Wings/
		if (in_table && match($0, /^    [a-z][a-z\/]*/)) {
			w = $1 == "src/clamsmtpd" ? "src" : $1
			sub(/^src\//, "", w)
			sub(/\/$/, "", w)
			floor[w] = ++wings
		}
		next
	}
	FNR == 1 {
		start = 0
		own = wing(FILENAME)
		lived_in[own] = 1
		if (!(own in floor))
			complain(FILENAME " is in no wing of doc/design.md")
	}
	/^#[ \t]*include[ \t]*"/ {
		split($0, quoted, "\"")
		its = wing(quoted[2])
		if (!(quoted[2] in is_there))
			complain(FILENAME ": no " quoted[2] ", seen from the top")
		else if (its in floor && own in floor && floor[its] < floor[own])
			complain(FILENAME " includes " quoted[2])
		else if (own == "start" && its == "session")
			complain(FILENAME " includes " quoted[2] ", which main alone may")
	}
	/^[a-z_0-9]+\(/ { name = $1; start = FNR }
	/^}/ && start {
		n = FNR - start
		start = 0
		functions++
		at_most_11 += n <= 11
		at_most_22 += n <= 22
		if (n > 50)
			complain(FILENAME ": " name " has " n " lines, more than 50")
	}
	END {
		for (w in floor)
			if (!(w in lived_in))
				complain("doc/design.md: nothing is in the wing " w)
		if (at_most_11 < functions / 2 || at_most_22 < functions * 0.9)
			complain("of " functions " functions only " at_most_11 \
			    " have 11 lines at most, " at_most_22 " have 22")
		exit bad
	}' doc/design.md $sources || bad=1

# X.c and X.h are one; tsort(1) names those that are in a circle.
# shellcheck disable=SC2086
circle=$(awk -F '"' '/^#[ \t]*include[ \t]*"/ {
		one = FILENAME " " $2
		gsub(/\.[ch]/, "", one)
		print one
	}' $sources | tsort 2>&1 >/dev/null | sed -n 's/^tsort: \([^:]*\)$/\1/p')
# shellcheck disable=SC2086
[ -z "$circle" ] || complain "a circle of includes:" $circle

grep -HnE '<(unistd|fcntl|poll|syslog|sys/(socket|stat|uio))\.h>|common/(log|conn|sock|deadline)\.h' \
	/dev/null src/smtp/*.[ch] && complain "the pure wing does no input or output"

limit 450 src/*.c src/*/*.c common/*.c
limit 120 src/*.h src/*/*.h common/*.h
limit 600 tests/*.sh tests/*/*.py tests/*/*.sh tests/*/*.[ch] \
	tests/*/*/*.py tests/*/*/*.[ch]
exit $bad
