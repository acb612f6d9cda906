#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Tells the administrator of each virus.  Install it and name it in clamsmtpd.conf,
# with the address that gets the mail (postmaster if there is none):
#
#   install -D -m 0755 virus-action.sh /usr/local/lib/clamsmtpd/virus-action.sh
#
#   VirusAction: /usr/local/lib/clamsmtpd/virus-action.sh admin@example.org
#
# SENDER, RECIPIENTS and VIRUS were chosen by whoever sent the virus.  They are
# never a part of a command or of an option, and only printable characters of
# them get into the mail, on lines of their own behind a space.
set -u
LC_ALL=C
export LC_ALL
admin=${1:-postmaster}
sendmail=${SENDMAIL:-/usr/sbin/sendmail}

# Lines of printable characters, none too long for mail, and not too many.
lines() {
	printf '%s\n' "$1" | tr -c '\n\040-\176' '?' | cut -b 1-500 |
		sed -e 's/^/  /' -e 50q
}

# The notice itself, if clamd finds something in an address that it names: one
# about it would be found again, and so on.  The log of clamsmtpd has it.
case ${SENDER-}:${RECIPIENTS-} in
"<>:$admin") exit 0 ;;
"<>:$admin@"*) [ "$(lines "$RECIPIENTS" | wc -l)" -gt 1 ] || exit 0 ;;
esac

# From nobody, so that no reply and no bounce comes back.
{
	printf 'To: %s\nSubject: clamsmtpd found a virus\n' "$admin"
	printf 'Auto-Submitted: auto-generated\n\n'
	printf 'Virus:\n'
	lines "${VIRUS-}"
	printf 'Sender (may be forged):\n'
	lines "${SENDER-<>}"
	printf 'Recipients:\n'
	lines "${RECIPIENTS-}"
	printf 'Came from:\n'
	lines "${REMOTE:-${CLIENT-}}"
	printf 'Kept as:\n'
	lines "${EMAIL:-nothing (Quarantine is off)}"
} | "$sendmail" -i -f '<>' -- "$admin"
