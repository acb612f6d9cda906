#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# All tests of a tree that is built, in groups: a line for each of them and every
# ten seconds, the reasons of those that were skipped, and the totals.  Run by
# bootstrap, which sees to it that everything needed is there; the output of each
# group is kept in build/check/.  Two lanes of groups run side by side, since in
# the one there is much waiting, in the other much work.

set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
logs=$top/build/check
totals=$logs/totals		# a line for each group
group_seconds=600		# no group may hang for ever
. ./tests/beat.sh

rm -rf "$logs"
mkdir -p "$logs"
# Sanitizers write their reports here, also from a daemon that became nobody.
reports=$(mktemp -d)
chmod 755 "$reports"
trap 'rm -rf "$reports"' EXIT
lanes='' running='' beating=''
# For the lanes, too: each interrupts the group that runs.
interrupted() {
	# shellcheck disable=SC2086
	kill $lanes $beating 2>/dev/null
	[ -z "$running" ] || kill -INT "$running" 2>/dev/null
	wait
	exit 1
}
trap interrupted HUP INT TERM

python=
for candidate in python3 /usr/bin/python3; do
	if "$candidate" -c 'import pytest' 2>/dev/null; then
		python=$candidate
		break
	fi
done

# report NAME STATUS PASSED FAILED SKIPPED: adds a group to the totals.  A
# group that failed without a failed test, or ran no test, counts as a failure.
report() {
	bad=$4
	if [ "$bad" -eq 0 ] && { [ "$2" -ne 0 ] || [ "$3" -eq 0 ]; }; then
		bad=1
	fi
	echo "$3 $bad $5" >>"$totals"
	word=ok
	[ "$bad" -eq 0 ] || word=FAILED
	echo "$word: $1: $3 passed, $bad failed, $5 skipped;" \
		"$(($(date +%s) - started)) s"
	[ "$bad" -eq 0 ] || tail -n 60 "$logs/$1.log"
}

# start NAME COMMAND...: runs it into the group's log; leaves its status.
start() {
	group=$1
	started=$(date +%s)
	shift
	: >"$logs/$group.log"
	beat "$group" "$logs/$group.log" &
	beating=$!
	# Interrupted, the tests still stop what they started.
	timeout --foreground -s INT -k 60 $group_seconds \
		env --default-signal=INT "$@" >"$logs/$group.log" 2>&1 </dev/null &
	running=$!
	status=0
	wait $running || status=$?
	kill $beating
	wait $beating 2>/dev/null
}

# number WORD: what stands before the word in the last line of the log.
number() {
	found=$(tail -n 1 "$logs/$group.log" | grep -Eo "[0-9]+ $1" |
		cut -d' ' -f1)
	echo "${found:-0}"
}

# tap WORD: the sum of automake's summaries; distcheck has only one as well.
tap() {
	sed -n "s/^# $1: *\([0-9]*\)$/\1/p" "$logs/$group.log" |
		awk '{ n += $1 } END { print n + 0 }'
}

run_make() {
	start "$@"
	grep '^SKIP: ' "$logs/$group.log"
	report "$group" $status "$(tap PASS)" \
		$(($(tap FAIL) + $(tap ERROR) + $(tap XPASS))) "$(tap SKIP)"
}

# pytest NAME ARGUMENT...: into the log of that name, with reasons.
pytest() {
	group_name=$1
	shift
	start "$group_name" "$python" -m pytest -q -rfEs --tb=short "$@"
}

# The dialogues run side by side.  Some of them are about time-outs of a second,
# which a loaded machine can upset: what fails is tried once more, one at a
# time, and named; what fails then has failed.
run_pytest() {
	name=$1
	shift
	cache=cache_dir=$logs/$name-cache
	pytest "$name" -o "$cache" -n 6 --dist loadfile "$@"
	grep '^SKIPPED ' "$logs/$group.log"
	began=$started good=$(number passed) left_out=$(number skipped)
	bad=$(($(number failed) + $(number error)))
	# 1: tests failed.  A run that was cut short has no second chance.
	if [ $status -eq 1 ] && [ "$bad" -le 40 ]; then
		grep -E '^(FAILED|ERROR) ' "$logs/$name.log" |
			sed 's/^/once more, alone: /'
		pytest "$name-again" -o "$cache" --last-failed -n 0 "$@"
		good=$((good + $(number passed)))
		bad=$(($(number failed) + $(number error)))
		cat "$logs/$name-again.log" >>"$logs/$name.log"
	fi
	# What a sanitizer said is a failure, whatever the tests made of it.
	if [ -n "$(find "$reports" -type f -size +0)" ]; then
		cat "$reports"/* >>"$logs/$name-reports.log"
		echo "$name: see $logs/$name-reports.log"
		status=1
	fi
	rm -f "$reports"/*
	started=$began
	report "$name" $status "$good" "$bad" "$left_out"
}

# build_in NAME CC CONFIGURE-ARGUMENT...: another build, in build/NAME, that
# counts as a test: no compiler may warn.  The tree itself is configured, so it
# cannot be the source of another build; a copy of what `make dist` packs can.
build_in() {
	name=$1 compiler=$2
	shift 2
	# shellcheck disable=SC2016
	start "build-$name" sh -c 'rm -rf "$0" && mkdir "$0" && cd "$0" &&
		../tree/configure "$@" --enable-werror && make -j2 &&
		CLAMSMTPD=src/clamsmtpd sh ../tree/tests/style/hardening.sh' \
		"build/$name" CC="$compiler" "$@"
	report "$group" $status $((status == 0)) $((status != 0)) 0
	return $status
}

# skip WHY: a group that is left out counts as one test.
skip() {
	echo "0 0 1" >>"$totals"
	echo "skipped: $1"
}

# want GROUP COMMAND: whether there is such a command; if not, says so.
want() {
	command -v "$2" >/dev/null && return
	skip "$1: there is no $2"
	return 1
}

# lint GROUP COMMAND...: a tool that must not find anything in the sources.
lint() {
	if want "$1" "$2"; then
		start "$@"
		report "$group" $status $((status == 0)) $((status != 0)) 0
	fi
}

# The dialogues have groups of their own, so `make check` need not run them.
# shellcheck disable=SC2016
quick='TESTS=$(check_PROGRAMS) $(style_tests)'

if grep -q '"HAVE_CMOCKA_TRUE"]="#"' config.status; then
	echo "check: configured without cmocka" >&2
	exit 1
fi
run_make unit make -j2 check "$quick"
make -s distdir distdir=build/tree >"$logs/tree.log" 2>&1
CLAMSMTPD=$top/src/clamsmtpd
export CLAMSMTPD

# topics WORD...: the dialogues about these.
topics() {
	for topic do
		echo "tests/e2e/test_$topic.py"
	done
}
# What is said is the same here, so these are the dialogues that take the
# session, the content and the scan through all their paths; and those in which
# threads meet.
paths=$(topics auth_lines bugs_dialogue client_gone data early_answers \
	envelope faults_clamd faults_client faults_resources faults_server \
	header keywords lifecycle lmtp names out_of_step oversize parting \
	pipelining proxy_protocol quarantine reload replies scan_fail scanmode \
	session several_addresses size skip soak stats summary virus_action \
	virus_rule xclient xforward)
threads=$(topics clamds data faults_clamd faults_client faults_signals fildes \
	lifecycle limits log_flow names proxy_protocol reload restart \
	several_addresses soak stats virus_action)

# Few of the dialogues, which reach what lends, spools and starts.
run_valgrind() {
	# valgrind may not know what a compiler says to debuggers.
	program=$top/src/clamsmtpd
	if ! valgrind -q "$program" -v >/dev/null 2>&1; then
		strip -g -o "$logs/clamsmtpd" "$program"
		program=$logs/clamsmtpd
	fi
	CLAMSMTPD_WRAPPER="valgrind -q --error-exitcode=99 --leak-check=full \
		--errors-for-leak-kinds=definite,indirect \
		--show-leak-kinds=definite,indirect \
		--log-file=$reports/valgrind.%p"
	export CLAMSMTPD_WRAPPER
	# shellcheck disable=SC2046
	CLAMSMTPD=$program run_pytest e2e-valgrind $(topics data lmtp \
		quarantine virus_action)
	unset CLAMSMTPD_WRAPPER
}

run_sanitizers() {
	export ASAN_OPTIONS="log_path=$reports/asan:detect_leaks=1"
	export UBSAN_OPTIONS="log_path=$reports/ubsan:print_stacktrace=1"
	export TSAN_OPTIONS="log_path=$reports/tsan"
	# shellcheck disable=SC2086
	if build_in asan "${CC:-gcc}" --enable-sanitizers=address,undefined \
	    'CFLAGS=-g -O1'; then
		# From the tarball's sources, so it has all of the unit tests.
		# shellcheck disable=SC2016
		run_make unit-asan make -j2 -C build/asan check \
			'TESTS=$(check_PROGRAMS)'
		CLAMSMTPD=$top/build/asan/src/clamsmtpd run_pytest e2e-asan $paths
	fi
	# shellcheck disable=SC2086
	if build_in tsan "${CC:-gcc}" --enable-sanitizers=thread \
	    'CFLAGS=-g -O1'; then
		CLAMSMTPD=$top/build/tsan/src/clamsmtpd run_pytest e2e-tsan $threads
	fi
}

run_compilers() {
	for compiler in gcc clang musl-gcc; do
		# distcheck does it with our own.
		if [ $compiler != "${CC:-gcc}" ] && want build-$compiler $compiler
		then
			build_in $compiler $compiler
		fi
	done
	# Not every compiler has the libraries for it.
	if echo 'int main(void) { return 0; }' |
		gcc -m32 -x c -o "$logs/m32" - 2>/dev/null; then
		if build_in m32 'gcc -m32'; then
			CLAMSMTPD=$top/build/m32/src/clamsmtpd run_pytest e2e-m32 \
				tests/e2e/large_message.py
		fi
	else
		skip "build-m32: gcc makes no 32-bit programs (gcc-multilib)"
	fi
}

run_linters() {
	lint cppcheck cppcheck -q --std=c11 --inline-suppr --error-exitcode=1 \
		--enable=warning,performance,portability \
		-I. --include=config.h '-DSYSCONFDIR="/etc"' common src
	if want clang-tidy clang-tidy; then
		lint clang-tidy sh -c 'printf "%s\n" common/*.c src/*.c src/*/*.c |
			xargs -P 2 -n 6 sh tests/tidy.sh'
	fi
}

# lane GROUPS...: one after the other, beside other lanes.
lane() {
	trap interrupted TERM
	lanes=
	reports=$reports/$1
	mkdir -m 1777 "$reports"
	for groups do
		$groups
	done
	return 0
}

run_dialogues() {
	run_pytest e2e tests/e2e
	run_pytest mail tests/mail
	run_pytest peers tests/peers
	! want e2e-valgrind valgrind || run_valgrind
}

run_builds() {
	run_pytest setup tests/setup
	# The unit tests run elsewhere; this adds that the tarball has all.
	# shellcheck disable=SC2016
	run_make distcheck make -j2 distcheck 'TESTS=$(style_tests)' \
		check_PROGRAMS= DISTCHECK_CONFIGURE_FLAGS=--enable-werror
}

lane run_dialogues run_linters &
lanes=$!
lane run_builds run_sanitizers run_compilers &
lanes="$lanes $!"
for lane in $lanes; do
	# One that broke off has not told of all its groups.
	wait "$lane" || echo "0 1 0" >>"$totals"
done

awk '{ passed += $1; failed += $2; skipped += $3 }
	END {
		print passed " passed, " failed " failed, " skipped " skipped"
		exit failed != 0
	}' "$totals"
