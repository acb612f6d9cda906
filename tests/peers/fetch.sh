#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Fetches mail programs into the directory $1, for the tests of peers: Debian's
# are unpacked below root/, never installed; those of npm come below npm/.  What
# cannot be had is left out, and its tests skip.

set -u
mkdir -p "$1/debs" "$1/root" "$1/npm" && cd "$1" || exit 1
exec 9>lock
flock -w 300 9 || exit 1

# A program, and the libraries that a small system may not have.
packages="exim4-daemon-light exim4-base exim4-config libidn12 libdb5.3 libgnutls-dane0 libnsl2
	libunbound8 libevent-2.1-7 opensmtpd libwrap0 sendmail-bin liblockfile1
	msmtp libgsasl18 libntlm0 libgssglue1 libsecret-1-0 nullmailer dma s-nail swaks
	python3-aiosmtpd python3-attr python3-public python3-pkg-resources
	python3-typing-extensions"

unpack() {
	for package do
		if dpkg -x "debs/${package}"_*.deb root 2>/dev/null; then
			: >"debs/$package.done"
		fi
	done
}

missing=
for package in $packages; do
	[ -e "debs/$package.done" ] || missing="$missing $package"
done
# Together is much faster, but one that does not exist spoils it.
# shellcheck disable=SC2086
if [ -n "$missing" ] && ! (cd debs && timeout 120 apt-get -q download $missing); then
	for package in $missing; do
		(cd debs && timeout 30 apt-get -q download "$package")
	done
fi
# shellcheck disable=SC2086
unpack $missing
if command -v npm >/dev/null; then
	for package in nodemailer smtp-server; do
		[ -d "npm/node_modules/$package" ] || timeout 120 npm install \
			--prefix npm --no-audit --no-fund --ignore-scripts "$package"
	done
fi
:
