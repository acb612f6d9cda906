#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""Benchmark: smtp-source -> X -> smtp-sink, with X one of

    daemon    the clamsmtpd under test (CLAMSMTPD, else src/clamsmtpd)
    relay     HAProxy as a plain TCP relay that looks at nothing
    original  clamsmtpd 1.10 (CLAMSMTPD_ORIGINAL, else what bootstrap unpacked)
    none      no proxy at all

The rounds are interleaved (daemon relay original none daemon relay ...), a
ratio is taken within each round, and the median of the rounds is reported: a
loaded machine moves all candidates alike.  What is not installed is left out
and said so.  smtp-source and smtp-sink are part of Postfix, which need not run.

    bench.py                        everything; writes doc/performance.md
    bench.py --case new16 --rounds 9
    bench.py --quick                fewer and shorter rounds; writes nothing
"""

import argparse
import atexit
import contextlib
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time

from candidates import CLAMD_COST_US, HERE, RELAY_THREADS, TITLE, stop_all
from cases import CASES, Bench, Missing

TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "mail"))

import packages  # noqa: E402

REPORT = os.path.join(TOP, "doc", "performance.md")


def version_of(*argv):
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=20)
        return done.stdout.decode(errors="replace").split("\n")[0]
    return ""


def find_programs(work):
    programs = {n: packages.find(n) for n in ("smtp-source", "smtp-sink", "clamd")}
    for name in ("smtp-source", "smtp-sink"):
        if not programs[name]:
            sys.exit("bench: %s is missing; it comes with Postfix, which need not run" % name)
    daemon = os.environ.get("CLAMSMTPD", os.path.join(TOP, "src", "clamsmtpd"))
    programs["daemon"] = daemon if os.access(daemon, os.X_OK) else None
    programs["fildes"] = programs["daemon"]
    programs["relay"] = packages.find("haproxy")
    original = os.environ.get("CLAMSMTPD_ORIGINAL", str(packages.UNPACKED / "usr/sbin/clamsmtpd"))
    programs["original"] = original if "1.10" in version_of(original, "-v") else None
    programs["standin"] = os.path.join(work, "clamd_standin")
    subprocess.run([*os.environ.get("CC", "cc").split(), "-std=c11", "-D_GNU_SOURCE", "-O2", "-pthread", "-o",
                    programs["standin"], os.path.join(HERE, "clamd_standin.c")], check=True)
    return programs


def raise_limits():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for hard in (65536, limit):
        with contextlib.suppress(ValueError, OSError):
            hard = max(hard, limit)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            return


def write_report(text, mark="bench"):
    """Between the marks of that name in the document."""
    begin, end = "<!-- %s:begin -->" % mark, "<!-- %s:end -->" % mark
    with open(REPORT) as f:
        old = f.read()
    if begin not in old or end not in old:
        sys.exit("bench: %s has no %s ... %s to write between" % (REPORT, begin, end))
    head, rest = old.split(begin, 1)
    with open(REPORT, "w") as f:
        f.write(head + begin + "\n" + text + end + rest.split(end, 1)[1])
    print("written to " + REPORT)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="cases:\n" + "\n".join("  %-10s %s" % (c, getattr(Bench, "case_" + c).__doc__) for c in CASES))
    parser.add_argument("--case", action="append", choices=CASES, help="only this one (may be repeated)")
    parser.add_argument("--rounds", type=int, default=0, help="interleaved rounds (default 7; with --quick 3)")
    parser.add_argument("--quick", action="store_true", help="a quarter of the messages")
    args = parser.parse_args()
    args.rounds = args.rounds or (3 if args.quick else 7)

    # A daemon under test may outlive an interrupted bench no more than a finished one.
    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    raise_limits()
    os.environ.update(packages.environment())
    with tempfile.TemporaryDirectory(prefix="clamsmtpd-bench.") as work:
        os.chmod(work, 0o755)
        programs = find_programs(work)
        bench = Bench(args, work, programs)
        for name, remedy in (("daemon", "build it"), ("relay", "./bootstrap packages bench"), ("original", "./bootstrap packages bench")):
            if not programs[name]:
                bench.table.note("left out: %s (%s)" % (TITLE[name], remedy))
        for case in args.case or CASES:
            print("\n" + getattr(Bench, "case_" + case).__doc__, flush=True)
            try:
                getattr(bench, "case_" + case)()
            except Missing as why:
                bench.table.note("%s: left out: %s" % (case, why))
            except (OSError, RuntimeError) as why:
                bench.table.goal(getattr(Bench, "case_" + case).__doc__, "runs to its end", "", str(why), False)
    about = ("`make bench` on %s, %d cores, Linux %s; %d interleaved rounds; HAProxy with %d threads%s.  "
             "The stand-in for clamd takes %d µs of processor time a message.  Where smtp-source or smtp-sink "
             "uses nearly all of its one core, it is the limit and not the proxy."
             % (time.strftime("%Y-%m-%d"), os.cpu_count(), platform.release(), args.rounds, RELAY_THREADS,
                " (%s)" % version_of(programs["relay"], "-v").split(" - ")[0] if programs["relay"] else "",
                CLAMD_COST_US))
    text = bench.table.markdown(about)
    print("\n" + text)
    if not args.case and not args.quick and programs["daemon"]:
        write_report(text)
    print("%d goals missed" % bench.table.missed)


if __name__ == "__main__":
    main()
