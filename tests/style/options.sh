#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The sample configuration, clamsmtpd.conf(5) and the table in src/config/settings.c
# name the same options with the same defaults.
set -u
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99

dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

# Each of the three is made a sorted list of lines "name: default".

# Rows of the table: { "Name", parser, FIELD(field), "default" or NULL, ...}, on
# one line or more.  Those of 1.10 that are no longer needed are listed apart.
legacy='^\(Bounce\|DebugFiles\|ScanHeader\):'
row='{ "\([A-Za-z]*\)", [a-z_]*, *FIELD([a-z_.]*), *\("[^"]*"\|NULL\),.*'
tr -s '\n\t ' ' ' <src/config/settings.c | sed 's/{ *"/\n{ "/g' |
	sed -n "s/^$row/\1: \2/p" | sed 's/: NULL$/: /; s/: "\(.*\)"$/: \1/' |
	LC_ALL=C sort >"$dir/all"
grep -v "$legacy" "$dir/all" >"$dir/table"
grep "$legacy" "$dir/all" | sed 's/:.*//' >"$dir/table.legacy"

# The sample: all options stand behind a # without a blank.
sed -n 's/^#\([A-Z][A-Za-z]*:\) */\1 /p' doc/clamsmtpd.conf |
	LC_ALL=C sort >"$dir/sample"

# The manual page: an item for each option, and in it, after "Default:", the
# value, or "Default: none.".
awk -v legacy="$dir/manual.legacy" '
	/^\.S[sh] / { section = $0 }
	/^\.It Cm / && section == ".Ss Options of clamsmtpd 1.10" {
		print $3 >legacy
	}
	section != ".Ss Options" { next }
	/^\.It Cm / { name = $3 }
	/^Default: none\.$/ { print name ": " }
	wanted { sub(/^\.Ql /, ""); sub(/ \.$/, ""); print name ": " $0 }
	{ wanted = /^Default:$/ }
' doc/clamsmtpd.conf.5 | LC_ALL=C sort >"$dir/manual"
LC_ALL=C sort -o "$dir/manual.legacy" "$dir/manual.legacy"

status=0
if [ "$(wc -l <"$dir/table")" -lt 17 ]; then
	echo "cannot read the table in src/config/settings.c"
	status=1
fi
for list in sample manual manual.legacy; do
	case $list in
	manual.legacy) table=table.legacy ;;
	*) table=table ;;
	esac
	if ! diff -u "$dir/$table" "$dir/$list"; then
		echo "the settings table and the $list differ"
		status=1
	fi
done
if grep -n '^[^#]' doc/clamsmtpd.conf; then
	echo "the sample sets an option"
	status=1
fi
exit $status
