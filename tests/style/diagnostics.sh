#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What the daemon writes to its log about faults stands in the manual, with what
# to do: of each text of an error or warning, the longest run of fixed words.
set -u
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99

texts=$(for file in src/*/*.c common/*.c; do
	{ tr '\n\t' '  ' <"$file" && echo; } | sed 's/\\"//g
		s/" *"//g
		s/log_\(error\|warn\|write\|rarely\)(/\n&/g' |
		sed -n 's/^log_[a-z]*([^";]*"\([^"]*\)".*/\1/p'
done)
# What would be right, in parentheses, explains itself; and shorter runs are
# names and reasons alone.
runs=$(printf '%s\n' "$texts" | sed 's/ (.*//
	s/^\(invalid setting:\).*/\1/' |
	awk '{
		n = split($0, piece, /%%*[-.*0-9]*[a-z]+/)
		best = ""
		for (i = 1; i <= n; i++)
			if (length(piece[i]) > length(best))
				best = piece[i]
		gsub(/^[ :]+|[ :]+$/, "", best)
		if (length(best) > 8)
			print substr(best, 1, 40)
	}' | sort -u)
if [ "$(printf '%s\n' "$runs" | wc -l)" -lt 60 ]; then
	echo "cannot read the sources"
	exit 1
fi
printf '%s\n' "$runs" | {
	status=0
	while IFS= read -r words; do
		sed -n '/^\.Sh DIAGNOSTICS/,/^\.Sh SEE/p' doc/clamsmtpd.8 | tr -d '"' |
			grep -qF -- "$words" || {
			echo "doc/clamsmtpd.8, DIAGNOSTICS: nothing about '$words'"
			status=1
		}
	done
	exit $status
}
