# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# For bootstrap and check.sh, which include it.

# beat WHAT [LOG]: says every ten seconds that WHAT goes on, and how far the
# tests of which LOG tells have come, until it is killed or the script that
# started it has ended.
beat() {
	seconds=0
	# A sleep that is left alone must not hold our output open.
	while sleep 10 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
		seconds=$((seconds + 10))
		echo "    $1: $seconds s" \
			"$(grep -Eo '[0-9]+%]' "${2:-/dev/null}" | tail -n 1 | tr -d ']')"
	done
}
