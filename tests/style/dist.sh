#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Each file of the tests is named in tests/local.mk, or the tarball lacks it;
# each that is named is there; and each fuzzer has seeds.
set -u
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99

status=0
complain() {
	echo "$*"
	status=1
}

for f in tests/*.* tests/[!f]*/*.* tests/e2e/*/*.py tests/unit/*/*.* \
	tests/fuzz/*.* tests/fuzz/session/*.[ch]; do
	case $f in
	tests/local.mk | *.o | *.log | *.trs | *.replay | *.fuzz) continue ;;
	tests/unit/*/*.t) continue ;;
	tests/unit/*/*.c) name=${f%.c}.t ;;
	*) name=$f ;;
	esac
	grep -q "[	 ]$name\( \|\$\)" tests/local.mk ||
		complain "tests/local.mk does not name $name"
done
for f in $(grep -o 'tests/[a-z0-9_/]*\.\(c\|cf\|dict\|h\|py\|sh\)\>' tests/local.mk); do
	[ -f "$f" ] || complain "tests/local.mk names $f, which is not there"
done
for f in tests/fuzz/*.c; do
	name=$(basename "$f" .c)
	[ "$name" = replay ] || [ -d "tests/fuzz/corpus/$name" ] ||
		complain "no seeds: tests/fuzz/corpus/$name"
done
exit $status
