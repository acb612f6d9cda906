# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""The cases: a method case_X of Bench for each."""

import contextlib
import os
import resource
import socket
import struct
import tempfile

from candidates import DEADLINE, ORDER, ORIGINAL_MAX, TITLE, Process, Rig, accepts
from clients import Client, Sent, mail, one_message, timed
from table import Table, bound, median, ratio

KB, MB = 1024, 1024 * 1024
ORIGINAL_ROUNDS = 3  # it is a hundred times slower than the others
SCAN_ONLY = b"Received: from clamsmtpd (scan only)\r\n"
OWN_SERVER = ("idle and busy sessions: the server is bench.py's own, as smtp-sink walks through a list of all its "
              "sessions at every step")


class Missing(Exception):
    """A program that a case needs is not installed; the case is left out."""


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
            with self.rig(names=ORDER, clamd=path) as rig:
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
        relay = ""

        def share(name):
            if name in rig.names:
                return median(d / (c + n) for d, c, n in zip(seconds[name], seconds["clamd"], seconds["none"]))
            return None
        if "relay" in rig.names:
            relay = ", relay + clamd %.2f" % median(
                (r + c) / (c + n) for r, c, n in zip(seconds["relay"], seconds["clamd"], seconds["none"]))
        self.table.at_most(case, "(clamd + no proxy)", share("daemon"), 1.10, 1.05,
                           more="%s, clamd itself %.2f ms" % (relay, 1e3 * own))
        self.table.at_most(case + ", fildes", "(clamd + no proxy)", share("fildes"), 1.12 if len(content) < 8 * KB else 1.00,
                           1.00)

    def case_idle(self):
        """10,000 idle sessions"""
        wanted = 10000 if not self.args.quick else 2000
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        # clamsmtpd takes no more clients than it could scan for at once: four descriptors
        # each.  The others hold two for an idle session.
        sessions = min(wanted, (limit - 100) // 4)
        if sessions < wanted:
            self.table.note("idle sessions: the system allows a process %d descriptors; clamsmtpd keeps 4 free for "
                            "each session, so there are %d, not %d" % (limit, sessions, wanted))
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
