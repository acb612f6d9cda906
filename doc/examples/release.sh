#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Delivers a quarantined message after all: by SMTP to the port behind the filter,
# to those whom the file beside it names, and then removes both files.
#
#   release.sh /var/spool/clamsmtp/virus.AbC123 [127.0.0.1:10026]
#
# (With Debian's package that port is 10025.)
#
# The envelope is written by the virus action of quarantine.md: first the sender,
# then the recipients, a line each.  Whoever sent the virus has chosen them; each
# is one argument of curl, in angle brackets, and never a part of a command.
set -eu
file=${1:?"usage: release.sh FILE [HOST:PORT]"}
server=${2:-127.0.0.1:10026}

exec 3<"$file.envelope"
IFS= read -r sender <&3
[ "$sender" = '<>' ] || sender="<$sender>"
set --
while IFS= read -r recipient <&3; do
	set -- "$@" --mail-rcpt "<$recipient>"
done
# With nobody to send it to, curl would ask the server something else, and succeed.
if [ $# -eq 0 ] || [ -n "$recipient" ]; then
	echo "$file.envelope breaks off; see the log for the recipients" >&2
	exit 1
fi

curl -q --silent --show-error --globoff --noproxy '*' "smtp://$server" \
	--mail-from "$sender" "$@" --upload-file "$file"
rm -f -- "$file" "$file.envelope"
