#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Fetches the peers that peers.py measures into the directory $1, and installs
# nothing on this system: Debian's in a small system of their own below root/,
# Haraka below npm/.  What cannot be had is left out, and peers.py says so.

set -u
mkdir -p "$1" && cd "$1" || exit 1

# amavis, rspamd and clamav-milter want the libraries of one release.
if [ ! -d root ] && [ "$(id -u)" -eq 0 ] && command -v mmdebstrap >/dev/null; then
	# shellcheck disable=SC1091
	. /etc/os-release
	rm -rf new
	# What it mounts goes with it, whatever ends it.
	timeout 600 unshare --mount-proc --pid --fork --kill-child \
		mmdebstrap --quiet --mode=root --variant=minbase \
		--aptopt='APT::Install-Recommends "false"' \
		--include=amavisd-new,clamav-milter,rspamd \
		"$VERSION_CODENAME" new && mv new root
fi
if [ ! -d npm/node_modules/Haraka ] && command -v npm >/dev/null; then
	timeout 300 npm install --prefix npm --no-audit --no-fund --omit=optional \
		Haraka haraka-plugin-clamd
fi
:
