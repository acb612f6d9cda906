#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What makes packages has the version of the program, and its scripts are such.
set -u
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99

status=0
complain() {
	echo "$*"
	status=1
}

dir=doc/packaging
version=$(sed -n 's/^AC_INIT(\[clamsmtp\],\[\(.*\)\])$/\1/p' configure.ac)
[ -n "$version" ] || complain "cannot read the version in configure.ac"
sed -n 1p $dir/debian/changelog | grep -qF "clamsmtp ($version-" ||
	complain "$dir/debian/changelog: the first entry is not of $version"
grep -qx "Version: *$version" $dir/clamsmtp.spec ||
	complain "$dir/clamsmtp.spec: not of $version"
grep -qx "pkgver=$version" $dir/APKBUILD ||
	complain "$dir/APKBUILD: not of $version"

for f in $dir/debian/clamsmtp.p[or]* $dir/clamsmtp.pre-install \
	$dir/clamsmtpd.initd; do
	sh -n "$f" || complain "$f is no script"
done
! command -v bash >/dev/null || bash -n $dir/APKBUILD ||
	complain "$dir/APKBUILD is no script"

# dpkg-checkbuilddeps(1) wants the first of them unasked.
for p in build-essential $(sed -n 's/^Build-Depends: //p' $dir/debian/control |
	tr ',' '\n' | grep -v nocheck | sed 's/-compat//; s/^ *//; s/ .*//'); do
	sed -n 's/^deb_packages=//p' bootstrap | tr -c 'a-z-' '\n' |
		grep -qx "$p" || complain "bootstrap: deb needs $p"
done

# A line of normal work that logcheck has no rule for is mailed each hour.  The
# summary of a message is looked at by tests/setup/test_package.py.
rules=$dir/debian/clamsmtp.clamsmtpd.logcheck.ignore.server
texts=$(cat src/*.c src/*/*.c common/*.c | tr '\n\t' '  ' |
	grep -Eo '(log_info\(|LOG_NOTICE, *|LOG_INFO, *) *"[^;]*;' |
	sed -e 's/" *PACKAGE_VERSION *"/2.0/g' -e 's/" *"//g' \
		-e 's/^[^"]*"\([^"]*\)".*/\1/' -e 's/^%s (/started (/' \
		-e 's/%l*[dux]/7/g' -e 's/%s/x/g' | grep -vx x)
[ "$(echo "$texts" | wc -l)" -gt 5 ] || complain "cannot read the log lines"
unknown=$(echo "$texts" | while read -r text; do
	printf 'Nov  8 03:50:00 mail clamsmtpd: %s\n' "$text" "A0B1C2: $text" |
		grep -Eqf "$rules" || echo "$text"
done)
[ -z "$unknown" ] || complain "$rules has no rule for: $unknown"
exit $status
