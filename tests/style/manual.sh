#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The manual pages pass mandoc's lint, and each reply of our own can be read there.
set -u
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99

command -v mandoc >/dev/null || {
	echo "mandoc is not installed"
	exit 77
}

# Whether a page that is referred to is installed says nothing about ours, nor
# does the state of this machine's manual database, of which mandoc also speaks.
findings=$(mandoc -Tlint -Wstyle doc/clamsmtpd.8 doc/clamsmtpd.conf.5 2>&1 |
	grep '^mandoc: doc/' | grep -v 'referenced manual not found')
if [ -n "$findings" ]; then
	printf '%s\n' "$findings"
	exit 1
fi

# As it is shown: some words are macros in the source.
shown=$(mandoc -Tascii doc/clamsmtpd.8 | sed "s/.$(printf '\b')//g" | tr -s ' \n' ' ')
replies=$(tr '\n\t' '  ' <src/smtp/answers.c | sed 's/WITH/\n&/g' |
	sed -n 's/^WITH(\([0-9]*\), *"[0-9.]*", *"\([^"]*\)").*/\1 \2/p
		s/^WITHOUT(\([0-9]*\), *"\([^"]*\)").*/\1 \2/p')
if [ "$(printf '%s\n' "$replies" | wc -l)" -lt 30 ]; then
	echo "cannot read src/smtp/answers.c"
	exit 1
fi
printf '%s\n' "$replies" | {
	status=0
	while IFS= read -r reply; do
		case $shown in
		*" $reply "* | *" $reply,"*) ;;
		*)
			echo "doc/clamsmtpd.8: no reply '$reply'"
			status=1
			;;
		esac
	done
	exit $status
}
