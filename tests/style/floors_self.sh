#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# floors.sh finds what it is for: each fault is made in a small tree of its own.
set -u

floors=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)/tests/style/floors.sh
tree=$(mktemp -d) || exit 99
trap 'rm -rf "$tree"' EXIT
bad=0

# what NAME WANTED: the tree is looked at; WANTED is said, or nothing at all.
what()
{
	said=$(srcdir=$tree sh "$floors" 2>&1)
	code=$?
	wanted=${2:+1}
	case $code:$said in
	"${wanted:-0}:"*"$2"*) [ -n "$2" ] || [ -z "$said" ] || bad=1 ;;
	*) bad=1 ;;
	esac
	[ $bad = 0 ] || {
		echo "$1: exit code $code, wanted \"$2\": $said"
		exit 1
	}
}

# lines N FILE TEXT: N lines of TEXT at the end of FILE
lines()
{
	yes "$3" | head -n "$1" >>"$2"
}

plant()
{
	rm -rf "${tree:?}"/*
	mkdir -p "$tree/doc" "$tree/src/session" "$tree/src/smtp" \
		"$tree/common" "$tree/tests/e2e"
	cat >"$tree/doc/design.md" <<'END'
## Wings

    src/clamsmtpd  the roof
    src/session/   one connection,
                   and more of it
    src/smtp/      pure
    common/        below

## Other
    none/
END
	cd "$tree" || exit 99
	echo '#include "src/session/relay.h"' >src/clamsmtpd.c
	echo '#include "src/session/relay.h"' >src/session/relay.c
	echo '#include "src/smtp/reply.h"' >src/session/relay.h
	echo '#include "common/text.h"' >src/smtp/reply.c
	echo 'int reply;' >src/smtp/reply.h
	echo '#include "common/text.h"' >common/text.c
	echo 'int text;' >common/text.h
	sed -n "s/^long='\(.*\)'$/\1/p" "$floors" | tr ' ' '\n' |
		while read -r long; do
			[ -z "$long" ] || lines 121 "$long" "int x;"
		done
}

plant
what "a good tree" ""
echo '#include "src/session/relay.h"' >>src/smtp/reply.c
what "up" "src/smtp/reply.c includes src/session/relay.h"
plant
echo '#include "src/smtp/reply.h"' >>common/text.h
what "up from the cellar" "common/text.h includes src/smtp/reply.h"
plant
echo '#include "src/session/turn.h"' >>src/session/relay.c
echo '#include "src/session/watch.h"' >src/session/turn.h
echo '#include "src/session/relay.h"' >src/session/watch.c
echo 'int watch;' >src/session/watch.h
what "a circle of three" "a circle of includes: "
plant
sed -i 's/src.session/src\/smtp2/' doc/design.md
what "no wing" "src/session/relay.c is in no wing"
what "an empty wing" "nothing is in the wing smtp2"
plant
echo '#include "relay.h"' >src/session/relay.c
what "not from the top" "src/session/relay.c: no relay.h, seen from the top"
plant
echo '#include <poll.h>' >>src/smtp/reply.h
what "a clock in the pure wing" "the pure wing does no input or output"
plant
{
	echo 'f2(void)'
	yes '	x();' | head -n 51
	echo '}'
} >>common/text.c
what "a long function" "common/text.c: f2(void) has 52 lines"
plant
for f in one two; do
	echo "$f(void)"
	yes '	x();' | head -n 30
	echo '}'
done >>common/text.c
what "many functions of 30 lines" "of 2 functions only 0 have 11 lines"
plant
lines 450 common/text.c "int x;"
what "a long file" "common/text.c: 451 lines, more than 450"
plant
lines 120 common/text.h "int x;"
what "a long header" "common/text.h: 121 lines, more than 120"
plant
lines 601 tests/e2e/test_x.py "pass"
what "a long test" "tests/e2e/test_x.py: 601 lines, more than 600"
