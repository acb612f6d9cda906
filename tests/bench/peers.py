#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""Benchmark of the peers: what people would take instead, with real clamd.

    proxies   client -> X -> smtp-sink: clamsmtpd, clamsmtpd 1.10, amavis, Haraka
    before    client -> Postfix before its queue -> discard, with X beside smtpd:
              clamsmtpd (smtpd_proxy_filter), clamav-milter, rspamd (milters)

The rounds are interleaved and their medians are reported.  peers.sh fetches the
peers into build/bench; one that is missing is left out and said so.  What asks for
Postfix or lies in that small system needs root.

    peers.py                    everything; writes doc/performance.md and the charts
    peers.py --quick            two short rounds; writes nothing but build/peers.tsv
    peers.py --group before     these again; the figures of the others stay
    peers.py --report           the table and the charts again from build/peers.tsv
"""

import argparse
import atexit
import os
import platform
import signal
import sys
import tempfile
import time

import peer_report
from bench import TOP, find_programs, raise_limits
from candidates import accepts, free_port, stop_all
from clients import Client, Sent, mail, one_message, timed
from peer_programs import MARKER, SERVERS, Programs, Tree
from peer_report import CASES
from table import median

import packages
from postfix import Postfix

KB = 1024
IDLE = {"daemon": 1000, "original": 480, "haraka": 1000, "amavis": SERVERS}
WHY = "left out: not installed (tests/bench/peers.sh build/bench, as root, fetches the peers)"


class Together:
    """Several trees of processes as one."""

    def __init__(self, *trees):
        self.trees = trees

    def cpu(self):
        return sum(tree.cpu() for tree in self.trees)

    def settled_cpu(self):
        """Once they have done nothing for 0.2 seconds."""
        seen = [self.cpu()]
        while len(seen) < 50 and (len(seen) < 3 or seen[-1] > seen[-3]):
            time.sleep(0.1)
            seen.append(self.cpu())
        return seen[-1]


class Alone:
    """One client, a connection a message, for some seconds."""

    def __init__(self, rig, name, content, seconds):
        cpu, scan = rig.process[name].settled_cpu(), rig.standin.cpu()
        self.taken, self.error = [], ""
        end = time.monotonic() + seconds
        try:
            while len(self.taken) < 3 or time.monotonic() < end:
                self.taken.append(timed(one_message, rig.port[name], content))
        except (OSError, RuntimeError) as why:
            self.error = str(why)
        count = max(1, len(self.taken))
        self.rate = count / sum(self.taken) if self.taken else 0
        self.cpu = (rig.process[name].settled_cpu() - cpu) / count
        self.scan = (rig.standin.cpu() - scan) / count


class Rig:
    """clamd and what is compared: `process` and `port` by name."""

    def __init__(self, programs, group):
        self.programs, self.made = programs.found, programs
        self.process, self.port, self.tree = {}, {}, {}
        self.standin = programs.start_clamd()
        self.standin.wait_until(lambda: os.path.exists(programs.clamd) and accepts(programs.clamd))
        self.names = [n for n in peer_report.NAMES[group] if n == "none" or programs.has(n)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop_all()

    def start(self, name, listen, to=None):
        """listen: a port, or a path for a milter.  The first start of rspamd compiles its patterns."""
        self.tree[name] = getattr(self.made, "start_" + name)(name, listen, to)
        self.tree[name].wait_until(lambda: accepts(listen if isinstance(listen, str) else ("127.0.0.1", listen)), 150)
        return listen

    def check(self, name):
        """It must have asked clamd and believed it."""
        found = self.made.scans()
        try:
            said = "250"
            Client(self.port[name]).send(mail(4 * KB).replace(b"Some words.", MARKER) + b".\r\n")
        except (OSError, RuntimeError) as why:
            said = str(why)
        time.sleep(0.5)
        if self.made.scans() <= found or (said == "250" and name not in ("daemon", "original")):
            with open(self.tree[name].log, errors="replace") as log:
                raise RuntimeError("%s passes on what clamd finds: %s\n%s" % (name, said, log.read()[-1000:]))


class Proxies(Rig):
    group = "proxies"

    def __init__(self, programs):
        super().__init__(programs, self.group)
        self.port["none"] = free_port()
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.sink = programs.start("sink", [programs.found["smtp-sink"], *user, "-m", "1200", "-t", "3600",
                                            "127.0.0.1:%d" % self.port["none"], "4096"])
        self.sink.wait_until(lambda: accepts(("127.0.0.1", self.port["none"])))
        for name in self.names:
            if name != "none":
                self.port[name] = self.start(name, free_port(), self.port["none"])
            self.process[name] = Together(*[self.tree[n] for n in [name] if n != "none"])

    def memory(self, name):
        return {"memory": self.tree[name].pss()} if name != "none" else {}

    def idle(self, name):
        """Kilobytes of each idle session.  One of amavis's takes a process."""
        tree = self.tree[name]
        if name == "amavis":
            return tree.pss() / SERVERS
        before, clients = tree.pss(), []
        try:
            for i in range(IDLE[name]):
                clients.append(Client(self.port[name], "127.0.0.%d" % (2 + i % 8)))
            time.sleep(1)
            return (tree.pss() - before) / len(clients)
        finally:
            for client in clients:
                client.socket.close()
            time.sleep(1)


class BeforeQueue(Postfix):
    """A Postfix with a service for each way of scanning; mail ends in discard."""

    def __init__(self, directory, services):
        super().__init__(directory, 0)
        self.services = services

    def additions(self, name):
        if name == "main.cf":
            return ("virtual_mailbox_domains =\ndefault_transport = discard\nsmtpd_client_connection_count_limit = 0\n"
                    "milter_default_action = tempfail\n")
        lines = ["discard unix - - n - - discard", "127.0.0.1:%d inet n - n - - smtpd" % self.back_port]
        for port, options in self.services.values():
            lines += ["127.0.0.1:%d inet n - n - - smtpd" % port, *("\t-o " + o for o in options)]
        return "\n".join(lines) + "\n"


class Before(Rig):
    group = "before"

    def __init__(self, programs):
        super().__init__(programs, self.group)
        back, services = free_port(), {}
        for name in self.names:
            options = []
            if name == "daemon":
                options = ["smtpd_proxy_filter=127.0.0.1:%d" % self.start(name, free_port(), back),
                           "smtpd_proxy_options=speed_adjust"]
            elif name != "none":
                # By TCP small messages take 40 ms longer through either milter.
                path = os.path.join(programs.work, name, "sock")
                options = ["smtpd_milters=unix:%s" % self.start(name, path)]
            services[name] = self.port[name], _ = free_port(), options
        # The service behind our filter is one more, without options.
        services["back"] = back, []
        self.back = back
        self.postfix = BeforeQueue(os.path.join(programs.work, "postfix"), services)
        self.postfix.start()
        with open(os.path.join(programs.work, "postfix/queue/pid/master.pid")) as f:
            self.sink = Master(int(f.read()))
        for name in self.names:
            self.process[name] = Together(self.sink, *[self.tree[n] for n in [name] if n != "none"])

    def __exit__(self, *_):
        self.postfix.stop()
        stop_all()

    def memory(self, name):
        """The filter's, and that of the smtpd processes before and behind it."""
        ports = [self.port[name]] + [self.back] * (name == "daemon")
        services = ["127.0.0.1:%d" % port for port in ports]
        own = {"memory": self.tree[name].pss()} if name != "none" else {}
        return {**own, "smtpd": self.sink.pss(lambda argv: argv[0] == "smtpd" and any(s in argv for s in services))}


class Master(Tree):
    """Postfix's master, which its own command has started and stops."""

    def __init__(self, pid):
        self.pid = pid


class Measure:
    def __init__(self, args, programs):
        self.args, self.programs = args, programs
        self.figures = peer_report.load()[1] if args.group else {}
        self.file = os.path.join(programs.work, "message")

    def group(self, rig_type):
        group = rig_type.group
        with rig_type(self.programs) as rig:
            print("%s: %s" % (group, ", ".join(rig.names)), flush=True)
            for name in rig.tree:
                rig.check(name)
            for name in rig.tree:
                self.figures[group, "", "at rest", name] = rig.tree[name].pss()
                if group == "proxies":
                    self.figures[group, "", "idle", name] = rig.idle(name)
            for size, clients in CASES:
                self.case(rig, size, clients)

    def case(self, rig, size, clients):
        content = mail(size * KB)
        with open(self.file, "wb") as f:
            f.write(content.replace(b"\r", b""))
        # One that is not counted tells how many messages take that long.
        count = {n: 3 * clients for n in rig.names}
        for name in rig.names if clients > 1 else ():
            Sent(rig, name, clients, count[name], size * KB, file=self.file)
            began = Sent(rig, name, clients, count[name], size * KB, file=self.file)
            count[name] = max(2 * clients, int(began.rate * self.args.seconds))
        rounds = {n: [] for n in rig.names}
        for _ in range(self.args.rounds):
            for name in rig.names:
                sent = Sent(rig, name, clients, count[name], size * KB, file=self.file) if clients > 1 else \
                    Alone(rig, name, content + b".\r\n", self.args.seconds)
                if sent.error:
                    print("  %s: %s" % (name, sent.error), flush=True)
                rounds[name].append(sent)
        case = peer_report.title(size, clients)
        for name, sent in rounds.items():
            self.report(rig, case, name, sent, clients)

    def report(self, rig, case, name, sent, clients):
        found = {"rate": median(s.rate for s in sent)}
        if rig.process[name].trees:
            found["cpu"] = 1e3 * median(s.cpu for s in sent)
        if name != "none":
            found["clamd"] = 1e3 * median(s.scan for s in sent)
        if clients == 1:
            taken = sorted(t for s in sent for t in s.taken) or [0]
            for percent in (50, 99):
                found["latency %d" % percent] = 1e3 * taken[len(taken) * percent // 100]
        else:
            # Not while they run: looking at memory takes time of its own.
            found.update(rig.memory(name))
        for what, value in found.items():
            self.figures[rig.group, case, what, name] = value
        print("  %-20s %-9s %s" % (case, name, "  ".join(
            "%s %.2f" % figure for figure in found.items())), flush=True)


def about(args, programs):
    """Before the first round: of which machine and programs the figures are."""
    load = os.getloadavg()[0]
    text = "`make bench` on %s, %d cores, Linux %s, load average %.1f before it; %d interleaved rounds, a turn %g s" % (
        time.strftime("%Y-%m-%d"), os.cpu_count(), platform.release(), load, args.rounds, args.seconds)
    versions = ", ".join("%s %s" % (peer_report.TITLE[n], v) for n, v in programs.versions().items())
    rough = "  **Preliminary**: the machine had other work, so rates and 99th percentiles are rough."
    return "%s; %s.%s" % (text, versions or "no peers", rough if load > 1 else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=("proxies", "before"), help="only this one")
    parser.add_argument("--rounds", type=int, default=0, help="interleaved rounds (default 5; with --quick 2)")
    parser.add_argument("--seconds", type=float, default=0, help="of each turn (default 1; with --quick 0.5)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    args = parser.parse_args()
    args.rounds = args.rounds or (2 if args.quick else 5)
    args.seconds = args.seconds or (0.5 if args.quick else 1)
    if args.report:
        peer_report.write(*peer_report.load())
        return

    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    raise_limits()
    os.environ.update(packages.environment())
    # In memory: what the disk does is not the question here.
    with tempfile.TemporaryDirectory(prefix="clamsmtpd-peers.", dir="/dev/shm") as work:
        os.chmod(work, 0o755)
        found = find_programs(work)
        found["node"] = packages.find("node")
        if not found["clamd"]:
            sys.exit("peers: clamd is missing (./bootstrap packages bench)")
        programs = Programs(work, os.path.join(TOP, "build", "bench"), found)
        for name in peer_report.TITLE:
            if name != "none" and not programs.has(name):
                print("%s %s" % (peer_report.TITLE[name], WHY))
        measure = Measure(args, programs)
        text = about(args, programs)
        for rig_type in (Proxies, Before):
            if rig_type is Before and (os.geteuid() != 0 or not packages.find("postfix")):
                print("before the queue: left out: it needs root and Postfix")
            elif args.group in (None, rig_type.group):
                measure.group(rig_type)
            peer_report.save(text, measure.figures)
    if not args.quick:
        peer_report.write(text, measure.figures)


if __name__ == "__main__":
    main()
