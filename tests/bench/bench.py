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
import random
import resource
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "mail"))

import packages  # noqa: E402

REPORT = os.path.join(TOP, "doc", "performance.md")
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

KB, MB = 1024, 1024 * 1024
CLAMD_COST_US = 100
RELAY_THREADS = 2  # HAProxy's own default is a thread for each core
ORIGINAL_MAX = 500  # 1.10 aborts at its 510th session
ORIGINAL_ROUNDS = 3  # it is a hundred times slower than the others
SCAN_ONLY = b"Received: from clamsmtpd (scan only)\r\n"
OWN_SERVER = ("idle and busy sessions: the server is bench.py's own, as smtp-sink walks through a list of all its "
              "sessions at every step")
DEADLINE = 120  # seconds that any single step may take
ORDER = ("daemon", "relay", "original", "none")
TITLE = {"daemon": "clamsmtpd", "relay": "HAProxy", "original": "1.10", "none": "no proxy"}


class Missing(Exception):
    """A program that a case needs is not installed; the case is left out."""


# ---------------------------------------------------------------- processes

running = []


class Process:
    """A child that is always stopped by its own id."""

    def __init__(self, argv, log, **popen):
        self.argv = argv
        with open(log, "ab") as err:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=err,
                                          **{"stdout": err, **popen})
        self.pid = self.popen.pid
        self.log = log
        running.append(self)

    def stop(self):
        if self in running:
            running.remove(self)
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                print("%s did not stop and was killed" % self.argv[0], file=sys.stderr)
                self.popen.kill()
                self.popen.wait()
        if self.popen.stdout:
            self.popen.stdout.close()

    def wait_until(self, ready):
        give_up = time.monotonic() + 30
        while not ready():
            if self.popen.poll() is not None or time.monotonic() > give_up:
                with open(self.log, errors="replace") as log:
                    said = log.read()[-500:]
                self.stop()
                raise RuntimeError("%s does not start: %s" % (self.argv[0], said.strip()))
            time.sleep(0.02)
        return self

    def cpu(self):
        """Seconds of processor time of all threads, the finished ones included."""
        # This is clock_getcpuclockid(3): nanoseconds, where /proc has ticks.
        return time.clock_gettime((~self.pid << 3) | 2)

    def settled_cpu(self):
        """The same, once the process has nothing left to do."""
        last = self.cpu()
        for _ in range(50):
            time.sleep(0.02)
            now = self.cpu()
            if now - last < 50e-6:
                return now
            last = now
        return last

    def memory(self):
        """Kilobytes by name: VmHWM, VmRSS, VmPTE of the status and Pss."""
        found = {}
        for name in ("status", "smaps_rollup"):
            with open("/proc/%d/%s" % (self.pid, name)) as lines:
                for line in lines:
                    word = line.split()
                    if len(word) == 3 and word[2] == "kB":
                        found.setdefault(word[0].rstrip(":"), int(word[1]))
        return found

    def reset_peak(self):
        with contextlib.suppress(OSError), open("/proc/%d/clear_refs" % self.pid, "w") as f:
            f.write("5")


def stop_all():
    for process in list(reversed(running)):
        process.stop()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(5)
        return s.connect_ex(address) == 0


# --------------------------------------------------------------- candidates


class Rig:
    """The server, the stand-in for clamd, and what is put between them."""

    def __init__(self, work, programs, names=ORDER, sessions=ORIGINAL_MAX, clamd=None, own_server=False):
        self.dir = tempfile.mkdtemp(dir=work)
        os.chmod(self.dir, 0o755)
        self.programs = programs
        self.sessions = sessions
        self.process = {}
        self.port = {}
        self.clamd = clamd or self.start_standin()
        self.port["none"] = free_port()
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        sink = [programs["smtp-sink"], *user, "-m", str(sessions + 100), "-t", "3600",
                "127.0.0.1:%d" % self.port["none"], "4096"]
        if own_server:
            sink = [sys.executable, os.path.abspath(__file__), "--serve", str(self.port["none"])]
        self.sink = self.start("sink", sink, self.port["none"])
        self.names = [n for n in ORDER if n in names and (n == "none" or programs.get(n))]
        try:
            for name in self.names:
                if name != "none":
                    self.port[name] = free_port()
                    argv = getattr(self, "argv_" + name)(self.port[name])
                    self.process[name] = self.start(name, argv, self.port[name])
        except RuntimeError:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for process in [*self.process.values(), self.sink, getattr(self, "standin", None)]:
            if process:
                process.stop()

    def start(self, name, argv, port):
        process = Process(argv, os.path.join(self.dir, name + ".log"))
        return process.wait_until(lambda: accepts(("127.0.0.1", port)))

    def start_standin(self):
        path = os.path.join(self.dir, "standin.sock")
        self.standin = Process([self.programs["standin"], path, str(CLAMD_COST_US)],
                               os.path.join(self.dir, "standin.log"), stdout=subprocess.PIPE)
        if not self.standin.popen.stdout.readline().strip():
            raise RuntimeError("the stand-in for clamd does not start")
        return path

    def configure(self, name, port, sessions):
        spool = os.path.join(self.dir, name + ".spool")
        os.mkdir(spool)
        path = os.path.join(self.dir, name + ".conf")
        with open(path, "w") as conf:
            conf.write("Listen: 127.0.0.1:%d\nOutAddress: 127.0.0.1:%d\nClamAddress: %s\n"
                       "TempDirectory: %s\nMaxConnections: %d\nTimeOut: 600\n"
                       % (port, self.port["none"], self.clamd, spool, sessions))
        return path

    # Level 1 keeps both daemons in the foreground and a line per message out
    # of the log, which the relay does not write either.
    def argv_daemon(self, port):
        conf = self.configure("daemon", port, self.sessions)
        return [self.programs["daemon"], "-d", "1", "-f", conf]

    def argv_original(self, port):
        conf = self.configure("original", port, ORIGINAL_MAX)
        return [self.programs["original"], "-d", "1", "-f", conf]

    def argv_relay(self, port):
        path = os.path.join(self.dir, "relay.conf")
        with open(path, "w") as conf:
            conf.write("global\n nbthread %d\n maxconn %d\n"
                       "defaults\n mode tcp\n timeout connect 60s\n timeout client 3600s\n"
                       " timeout server 3600s\n"
                       "listen smtp\n bind 127.0.0.1:%d backlog 4096\n server sink 127.0.0.1:%d\n"
                       % (RELAY_THREADS, self.sessions, port, self.port["none"]))
        return [self.programs["relay"], "-db", "-f", path]


# ------------------------------------------------------------------ clients


class Sent:
    """One run of smtp-source: its time, and processor time per message."""

    def __init__(self, rig, name, clients, messages, length, kept=False):
        argv = [rig.programs["smtp-source"], "-s", str(min(clients, messages)), "-m", str(messages),
                "-l", str(length), "-M", "bench.example"] + ["-d"] * kept
        argv.append("127.0.0.1:%d" % rig.port[name])
        proxy = rig.process.get(name)
        standin = getattr(rig, "standin", None)
        before = proxy.settled_cpu() if proxy else 0
        scans = standin.cpu() if standin else 0
        sink = rig.sink.cpu()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=DEADLINE)
            self.error = done.stderr.decode(errors="replace").strip()[:200] if done.returncode else ""
        except subprocess.TimeoutExpired:
            self.error = "not done after %d s" % DEADLINE
        self.seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.rate = 0 if self.error else messages / self.seconds
        self.source_share = (after.ru_utime + after.ru_stime
                             - children.ru_utime - children.ru_stime) / self.seconds
        self.sink_share = (rig.sink.cpu() - sink) / self.seconds
        self.cpu = (proxy.settled_cpu() - before) / messages if proxy else 0
        self.scan = (standin.cpu() - scans) / messages if standin else 0


class Client:
    """A plain SMTP client that reads complete replies."""

    def __init__(self, port, source=None):
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reply(b"220")
        self.ask(b"EHLO bench.example\r\n", b"250")

    def reply(self, code):
        got = b""
        while True:
            more = self.socket.recv(4096)
            got += more
            last = got[got.rfind(b"\n", 0, -1) + 1:]
            if not more or (last.endswith(b"\n") and last[3:4] != b"-"):
                break
        if not last.startswith(code):
            raise RuntimeError("expected %r, got %r" % (code, got))

    def ask(self, octets, code):
        self.socket.sendall(octets)
        self.reply(code)

    def send(self, content):
        """content ends with the final dot."""
        self.ask(b"MAIL FROM:<a@bench.example>\r\n", b"250")
        self.ask(b"RCPT TO:<b@bench.example>\r\n", b"250")
        self.ask(b"DATA\r\n", b"354")
        self.ask(content, b"250")

    def quit(self):
        self.ask(b"QUIT\r\n", b"221")
        self.socket.close()


def timed(function, *args):
    began = time.perf_counter()
    function(*args)
    return time.perf_counter() - began


def one_message(port, content):
    client = Client(port)
    client.send(content)
    client.quit()


def mail(size):
    """A message of about size octets: text and a base64 attachment."""
    head = (b"From: <a@bench.example>\r\nTo: <b@bench.example>\r\nSubject: bench\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
            b"Some words.\r\n--b\r\nContent-Type: application/octet-stream; name=a.bin\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n")
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    noise = random.Random(1)
    line = (bytes(noise.choices(letters, k=76)) + b"\r\n" for _ in range(max(1, (size - len(head)) // 78)))
    return head + b"".join(line) + b"--b--\r\n"


def serve(port):
    """A server whose cost does not grow with its sessions: smtp-sink walks through a list of all of them."""
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    ready = select.epoll()
    ready.register(listener, select.EPOLLIN)
    peers, read, in_data = {}, {}, set()
    while True:
        for fd, _ in ready.poll():
            if fd == listener.fileno():
                peer = listener.accept()[0]
                peers[peer.fileno()], read[peer.fileno()] = peer, b""
                ready.register(peer, select.EPOLLIN)
                peer.sendall(b"220 bench\r\n")
                continue
            peer, more = peers[fd], b""
            with contextlib.suppress(OSError):
                more = peer.recv(65536)
            if not more:
                ready.unregister(fd)
                in_data.discard(fd)
                peers.pop(fd).close()
                continue
            read[fd] += more
            while (b"\r\n.\r\n" if fd in in_data else b"\n") in read[fd]:
                if fd in in_data:
                    read[fd] = read[fd].split(b"\r\n.\r\n", 1)[1]
                    in_data.remove(fd)
                    reply = b"250 ok\r\n"
                else:
                    line, read[fd] = read[fd].split(b"\n", 1)
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        in_data.add(fd)
                    reply = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")
                with contextlib.suppress(OSError):
                    peer.sendall(reply)


# ------------------------------------------------------------------ results


class Table:
    """The goals with what was reached, and the figures behind them."""

    def __init__(self):
        self.goals = []
        self.figures = []
        self.notes = []
        self.missed = 0

    def goal(self, case, goal, aim, reached, is_met, is_aim=None):
        verdict = "not measured" if is_met is None else "aim" if is_aim else "ok" if is_met else "MISS"
        self.missed += verdict == "MISS"
        self.goals.append((case, goal, aim, reached, verdict))
        print("  %-44s goal %-22s aim %-9s reached %-34s %s" % self.goals[-1], flush=True)

    def at_least(self, case, what, value, goal, aim, unit="×", more=""):
        shown = None if value is None else "%.2f %s%s" % (value, unit, more)
        self.goal(case, "≥ %g %s %s" % (goal, unit, what), "%g" % aim if aim else "", shown or "-",
                  value is not None and value >= goal if value is not None else None,
                  aim and value is not None and value >= aim)

    def at_most(self, case, what, value, goal, aim, unit="×", more=""):
        shown = None if value is None else "%.2f %s%s" % (value, unit, more)
        self.goal(case, "≤ %g %s%s" % (goal, unit, " " + what if what else ""), "%g" % aim if aim else "",
                  shown or "-", value <= goal if value is not None else None,
                  aim and value is not None and value <= aim)

    def figure(self, case, what, values):
        self.figures.append((case, what, values))
        print("    %-42s %s" % (case + ", " + what, "   ".join(
            "%s %s" % (TITLE[n], values[n]) for n in ORDER if n in values)), flush=True)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
            print("    note: " + text, flush=True)

    def markdown(self, about):
        out = [about, "", "| case | goal | aim | reached | |", "|---|---|---|---|---|"]
        out += ["| %s | %s | %s | %s | %s |" % row for row in self.goals]
        out += ["", "| figures (medians) | | " + " | ".join(TITLE[n] for n in ORDER) + " |",
                "|---|---|" + "---|" * len(ORDER)]
        out += ["| %s | %s | %s |" % (case, what, " | ".join(values.get(n, "") for n in ORDER))
                for case, what, values in self.figures]
        if self.notes:
            out += [""] + ["* " + note for note in self.notes]
        return "\n".join(out) + "\n"


def median(values):
    values = list(values)
    return statistics.median(values) if values else None


def bound(rounds):
    """What a relay would reach of its own rate if each of its messages also
    cost the processor time that the stand-in for clamd takes, with nothing
    added for asking it: for what keeps all processors busy."""
    value = median(1 / (1 + r["daemon"].scan * r["relay"].rate / os.cpu_count())
                   for r in rounds if "daemon" in r and "relay" in r and r["relay"].rate)
    return "" if value is None else " (relay + stand-in: %.2f)" % value


def ratio(rounds, over, under, key):
    """The median of the ratios within the rounds; None where one is missing."""
    pairs = [(key(r[over]), key(r[under])) for r in rounds if over in r and under in r]
    return median(a / b for a, b in pairs if a and b)


# -------------------------------------------------------------------- cases


class Bench:
    def __init__(self, args, work, programs):
        self.args = args
        self.work = work
        self.programs = programs
        self.table = Table()

    def rig(self, **how):
        return Rig(self.work, self.programs, **how)

    def size(self, number):
        return max(1, number // 4) if self.args.quick else number

    def throughput(self, case, clients, messages, slow, length, kept=False):
        """Interleaved rounds; 1.10 gets `slow` messages in the first few of them."""
        table = self.table
        rounds = []
        with self.rig() as rig:
            count = {n: max(clients, self.size(slow if n == "original" else messages)) for n in rig.names}
            for name in rig.names:
                Sent(rig, name, clients, max(2, min(clients, 16)), length, kept)
            for process in rig.process.values():
                process.reset_peak()
            for i in range(self.args.rounds):
                names = [n for n in rig.names if n != "original" or i < ORIGINAL_ROUNDS]
                rounds.append({n: Sent(rig, n, clients, count[n], length, kept) for n in names})
            peak = {n: rig.process[n].memory() for n in rig.process}
        runs = {n: [r[n] for r in rounds if n in r] for n in rig.names}
        for name, sent in runs.items():
            errors = [s.error for s in sent if s.error]
            if errors:
                table.note("%s, %s: %d of %d rounds failed: %s"
                           % (case, TITLE[name], len(errors), len(sent), errors[0]))
        middle = {n: lambda key, sent=sent: median(getattr(s, key) for s in sent) for n, sent in runs.items()}
        rate = {n: of("rate") for n, of in middle.items()}
        table.figure(case, "messages/s", {n: "%.*f" % (1 if rate[n] < 100 else 0, rate[n]) for n in rate})
        table.figure(case, "CPU µs/message", {n: "%.0f" % (1e6 * middle[n]("cpu")) for n in peak})
        table.figure(case, "CPU µs/message of the stand-in for clamd",
                     {n: "%.0f" % (1e6 * middle[n]("scan")) for n in peak if n != "relay"})
        table.figure(case, "peak memory / Pss, MB",
                     {n: "%.1f / %.1f" % (m["VmHWM"] / KB, m["Pss"] / KB) for n, m in peak.items()})
        table.figure(case, "smtp-source / smtp-sink, % of a core",
                     {n: "%.0f / %.0f" % (100 * of("source_share"), 100 * of("sink_share"))
                      for n, of in middle.items()})
        return rounds

    def connections(self, clients, messages, slow):
        case = "4 KB, %d client%s, new connections" % (clients, "s" * (clients > 1))
        rounds = self.throughput(case, clients, messages, slow, 4 * KB)
        rate = lambda sent: sent.rate
        self.table.at_least(case, "relay", ratio(rounds, "daemon", "relay", rate), 0.85, 1.0,
                            more=bound(rounds) if clients > 1 else "")
        self.table.at_least(case, "1.10", ratio(rounds, "daemon", "original", rate), 50, None)
        self.table.at_most(case + ": CPU", "relay", ratio(rounds, "daemon", "relay", lambda s: s.cpu), 1.6, 1.2)

    def case_new1(self):
        """4 KB, 1 client, a connection per message"""
        self.connections(1, 1500, 16)

    def case_new16(self):
        """4 KB, 16 clients, a connection per message"""
        self.connections(16, 3000, 32)

    def case_new200(self):
        """4 KB, 200 clients, a connection per message"""
        self.connections(200, 3000, 200)

    def case_kept16(self):
        """4 KB, 16 clients, connections kept"""
        case = "4 KB, 16 clients, connections kept"
        rounds = self.throughput(case, 16, 6000, 32, 4 * KB, kept=True)
        self.table.at_least(case, "relay", ratio(rounds, "daemon", "relay", lambda s: s.rate), 0.7, 0.9,
                            more=bound(rounds))

    def case_mid(self):
        """100 KB, 8 clients, a connection per message"""
        case = "100 KB, 8 clients"
        rounds = self.throughput(case, 8, 1600, 32, 100 * KB)
        self.table.at_least(case, "relay", ratio(rounds, "daemon", "relay", lambda s: s.rate), 0.75, 0.9)

    def case_large(self):
        """10 MB, 2 clients, a connection per message"""
        case = "10 MB, 2 clients"
        rounds = self.throughput(case, 2, 40, 6, 10 * MB)
        self.table.at_least(case, "no proxy", ratio(rounds, "daemon", "none", lambda s: s.rate), 0.7, 0.85)
        cpu = {n: median(1e3 * r[n].cpu / 10 for r in rounds if n in r) for n in rounds[0] if n != "none"}
        self.table.figure(case, "CPU ms/MB", {n: "%.2f" % cpu[n] for n in cpu})
        self.table.at_most(case + ": CPU", "", cpu.get("daemon"), 1.5, 1.0, "ms/MB")

    def case_clamd(self):
        """real clamd, 4 KB to 10 MB, 1 client"""
        if not self.programs["clamd"]:
            raise Missing("clamd is not installed")
        work = tempfile.mkdtemp(dir=self.work)
        path = os.path.join(work, "clamd.sock")
        with open(os.path.join(work, "test.ndb"), "w") as db:
            db.write("Test.Worm:0:*:%s\n" % b"TEST-WORM-ONE-MARKER".hex())
        with open(os.path.join(work, "clamd.conf"), "w") as conf:
            conf.write("Foreground yes\nDatabaseDirectory %s\nTemporaryDirectory %s\nLocalSocket %s\n"
                       "DisableCache yes\nStreamMaxLength 100M\nMaxFileSize 100M\nMaxScanSize 100M\n"
                       % (work, work, path))
        clamd = Process([self.programs["clamd"], "-c", os.path.join(work, "clamd.conf")],
                        os.path.join(work, "clamd.log"))
        clamd.wait_until(lambda: os.path.exists(path) and accepts(path))
        try:
            with self.rig(names=("daemon", "relay", "original", "none"), clamd=path) as rig:
                for title, size, count in (("4 KB", 4 * KB, 60), ("100 KB", 100 * KB, 40),
                                           ("1 MB", MB, 10), ("10 MB", 10 * MB, 3)):
                    for kept in (True, False):
                        self.real_scan(rig, title, mail(size), max(2, self.size(count * self.args.rounds)), kept)
        finally:
            clamd.stop()

    def real_scan(self, rig, title, content, count, kept):
        case = "real clamd, %s, 1 client, %s" % (title, "kept" if kept else "new connections")
        chunks = [SCAN_ONLY] + [content[i:i + 64 * KB] for i in range(0, len(content), 64 * KB)]
        stream = b"nINSTREAM\n" + b"".join(struct.pack(">I", len(c)) + c for c in chunks) + bytes(4)

        def scan():
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(DEADLINE)
                s.connect(rig.clamd)
                s.sendall(stream)
                answer = s.recv(100)
            if answer != b"stream: OK\n":
                raise RuntimeError("clamd said %r" % answer)

        def send(name):
            if kept:
                clients[name].send(content + b".\r\n")
            else:
                one_message(rig.port[name], content + b".\r\n")

        # Message by message in turn, so that a passing load meets them all.
        clients = {n: Client(rig.port[n]) for n in rig.names if kept}
        seconds = {n: [] for n in [*rig.names, "clamd"]}
        for i in range(count + 2):
            for name in rig.names:
                if name == "original" and i > 6:
                    continue
                seconds[name].append(timed(send, name))
            seconds["clamd"].append(timed(scan))
        for client in clients.values():
            client.quit()
        seconds = {n: s[2:] for n, s in seconds.items()}
        self.table.figure(case, "ms/message", {n: "%.2f" % (1e3 * median(seconds[n])) for n in rig.names})
        own = median(seconds["clamd"])
        value, relay = None, ""
        if "daemon" in rig.names:
            value = median(d / (c + n) for d, c, n in zip(seconds["daemon"], seconds["clamd"], seconds["none"]))
        if "relay" in rig.names:
            relay = ", relay + clamd %.2f" % median(
                (r + c) / (c + n) for r, c, n in zip(seconds["relay"], seconds["clamd"], seconds["none"]))
        self.table.at_most(case, "(clamd + no proxy)", value, 1.10, 1.05,
                           more="%s, clamd itself %.2f ms" % (relay, 1e3 * own))

    def case_idle(self):
        """10,000 idle sessions"""
        wanted = 10000 if not self.args.quick else 2000
        # A proxy holds two descriptors for an idle session.
        sessions = min(wanted, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100) // 2)
        if sessions < wanted:
            self.table.note("idle sessions: the system allows a process %d descriptors, so %d sessions, not %d"
                            % (resource.getrlimit(resource.RLIMIT_NOFILE)[1], sessions, wanted))
        self.table.note(OWN_SERVER)
        for name in ("daemon", "relay", "original"):
            if self.programs.get(name):
                self.idle(name, min(sessions, ORIGINAL_MAX) - 20 if name == "original" else sessions)
        if not self.programs.get("daemon"):
            self.table.at_most("idle sessions, memory of each", "", None, 24, 16, "KB")

    def idle(self, name, sessions):
        case = "{:,} idle sessions".format(sessions)
        with self.rig(names=(name, "none"), sessions=sessions + 40, own_server=True) as rig:
            process = rig.process[name]
            one_message(rig.port[name], mail(4 * KB) + b".\r\n")
            before = process.memory()
            clients = []
            try:
                for i in range(sessions):
                    clients.append(Client(rig.port[name], "127.0.0.%d" % (2 + i % 8)))
                process.settled_cpu()
                after = process.memory()
                more = [timed(one_message, rig.port[name], mail(4 * KB) + b".\r\n") for _ in range(21)]
                direct = [timed(one_message, rig.port["none"], mail(4 * KB) + b".\r\n") for _ in range(21)]
                served = 0
                for client in clients:
                    with contextlib.suppress(OSError, RuntimeError):
                        client.ask(b"NOOP\r\n", b"250")
                        served += 1
            finally:
                for client in clients:
                    client.socket.close()
            each = {k: (after[k] - before[k]) / len(clients) for k in ("Pss", "VmRSS", "VmPTE")}
        self.table.figure(case, "KB each: Pss / RSS / page tables",
                          {name: "%.1f / %.1f / %.1f" % (each["Pss"], each["VmRSS"], each["VmPTE"])})
        self.table.figure(case, "one message more, ms: median / worst",
                          {name: "%.2f / %.2f" % (1e3 * median(more), 1e3 * max(more)),
                           "none": "%.2f / %.2f" % (1e3 * median(direct), 1e3 * max(direct))})
        if name == "daemon":
            self.table.goal(case, "all served", "", "{:,} of {:,}".format(served, sessions), served == sessions)
            self.table.at_most(case + ", memory of each", "", each["Pss"], 24, 16, "KB")
            self.table.at_most(case + ", one message more", "", 1e3 * median(more), 10, None, "ms",
                               ", no proxy %.2f ms" % (1e3 * median(direct)))

    def case_busy(self):
        """2,000 busy sessions"""
        case = "2,000 busy sessions"
        self.table.note(OWN_SERVER)
        counts = (16, 2000)
        with self.rig(sessions=2100, names=("daemon", "relay", "none"), own_server=True) as rig:
            rounds = [{n: [Sent(rig, n, c, max(8 * c, self.size(16000)), 4 * KB, True) for c in counts]
                       for n in rig.names} for _ in range(self.args.rounds)]
            peak = {n: p.memory()["VmHWM"] for n, p in rig.process.items()}
        for i, count in enumerate(counts):
            self.table.figure("4 KB, {:,} busy sessions".format(count), "messages/s",
                              {n: "%.0f" % median(r[n][i].rate for r in rounds) for n in rig.names})
        self.table.figure(case, "peak memory, MB", {n: "%.1f" % (peak[n] / KB) for n in peak})
        self.table.figure(case, "smtp-source / server, % of a core",
                          {n: "%.0f / %.0f" % (100 * median(r[n][1].source_share for r in rounds),
                                               100 * median(r[n][1].sink_share for r in rounds))
                           for n in rig.names})
        kept = {n: median(r[n][1].rate / r[n][0].rate for r in rounds if r[n][0].rate) for n in rig.names}
        self.table.figure(case, "rate, × that of 16", {n: "%.2f" % kept[n] for n in kept if kept[n] is not None})
        errors = [s.error for r in rounds for s in r.get("daemon", ()) if s.error]
        if "daemon" in rig.names:
            self.table.goal(case, "no error", "", errors[0] if errors else "none", not errors)
        self.table.at_least(case, "16 clients", kept.get("daemon"), 0.75, 1.0,
                            more=", no proxy %.2f" % (kept["none"] or 0) +
                            (", relay %.2f" % kept["relay"] if kept.get("relay") else ""))

    def case_sizes(self):
        """one message of 1 to 200 MB"""
        case = "one message of 1 to 200 MB"
        if not self.programs.get("daemon"):
            self.table.goal(case, "memory flat", "", "-", None)
            return
        sizes = (1, 10, 50, 200)
        peak, seconds, direct = {}, {}, {}
        for size in sizes:
            runs = []
            for _ in range(min(3, self.args.rounds)):
                with self.rig(names=("daemon", "none")) as rig:
                    Sent(rig, "daemon", 1, 1, 4 * KB)
                    runs.append((Sent(rig, "daemon", 1, 1, size * MB), Sent(rig, "none", 1, 1, size * MB),
                                 rig.process["daemon"].memory()["VmHWM"]))
            for run in runs:
                if run[0].error:
                    self.table.note("%s: %d MB: %s" % (case, size, run[0].error))
            seconds[size] = median(r[0].seconds for r in runs)
            direct[size] = median(r[1].seconds for r in runs)
            peak[size] = max(r[2] for r in runs)
            self.table.figure("one message of %d MB" % size, "ms/MB",
                              {"daemon": "%.2f" % (1e3 * seconds[size] / size),
                               "none": "%.2f" % (1e3 * direct[size] / size)})
        grown = peak[200] - peak[1]
        self.table.goal(case, "memory does not grow", "", "peak %.1f MB at 1 MB, %.1f MB at 200 MB"
                        % (peak[1] / KB, peak[200] / KB), grown <= 256)
        # From 10 MB on, as a message of 1 MB is mostly connection and start.
        slope = (seconds[200] / 200) / (seconds[10] / 10)
        self.table.at_most(case, "time per MB of the one of 10 MB", slope, 1.25, None)

    def case_latency(self):
        """latency of a message through one kept session"""
        case = "4 KB, one kept session"
        content = mail(4 * KB) + b".\r\n"
        with self.rig() as rig:
            taken = {n: [] for n in rig.names}
            clients = {n: Client(rig.port[n]) for n in rig.names}
            for _ in range(self.size(20 * self.args.rounds)):
                for name, client in clients.items():
                    for _ in range(2 if name == "original" else 50):
                        taken[name].append(timed(client.send, content))
            for client in clients.values():
                client.quit()
        for percent in (50, 99):
            self.table.figure(case, "latency µs, %d %%" % percent,
                              {n: "%.0f" % (1e6 * sorted(t)[len(t) * percent // 100]) for n, t in taken.items()})


CASES = [name[5:] for name in vars(Bench) if name.startswith("case_")]


# --------------------------------------------------------------------- main


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


def write_report(text):
    skeleton = "# Performance\n\n%s\n%s\n" % (BEGIN, END)
    old = skeleton
    if os.path.exists(REPORT):
        with open(REPORT) as f:
            old = f.read()
    if BEGIN not in old or END not in old:
        sys.exit("bench: %s has no %s ... %s to write between" % (REPORT, BEGIN, END))
    head, rest = old.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    os.makedirs(os.path.dirname(REPORT), exist_ok=True)
    with open(REPORT, "w") as f:
        f.write(head + BEGIN + "\n" + text + END + tail)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="cases:\n" + "\n".join("  %-10s %s" % (c, getattr(Bench, "case_" + c).__doc__) for c in CASES))
    parser.add_argument("--case", action="append", choices=CASES, help="only this one (may be repeated)")
    parser.add_argument("--rounds", type=int, default=0, help="interleaved rounds (default 7; with --quick 3)")
    parser.add_argument("--quick", action="store_true", help="a quarter of the messages")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve)
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
        print("written to " + REPORT)
    print("%d goals missed" % bench.table.missed)


if __name__ == "__main__":
    main()
