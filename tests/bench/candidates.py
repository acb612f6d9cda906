# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""What is compared: the daemon, a relay, 1.10 and no proxy, with one server behind
them and one stand-in for clamd beside them."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CLAMD_COST_US = 100
RELAY_THREADS = 2  # HAProxy's own default is a thread for each core
ORIGINAL_MAX = 500  # 1.10 aborts at its 510th session
DEADLINE = 120  # seconds that any single step may take
ORDER = ("daemon", "fildes", "relay", "original", "none")
USUAL = ("daemon", "relay", "original", "none")
TITLE = {"daemon": "clamsmtpd", "fildes": "clamsmtpd, fildes", "relay": "HAProxy", "original": "1.10", "none": "no proxy"}

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

    def wait_until(self, ready, seconds=30):
        give_up = time.monotonic() + seconds
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


class Rig:
    """The server, the stand-in for clamd, and what is put between them."""

    def __init__(self, work, programs, names=USUAL, sessions=ORIGINAL_MAX, clamd=None, own_server=False):
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
            sink = [sys.executable, os.path.join(HERE, "server.py"), str(self.port["none"])]
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

    def configure(self, name, port, sessions, more=""):
        spool = os.path.join(self.dir, name + ".spool")
        os.mkdir(spool)
        path = os.path.join(self.dir, name + ".conf")
        with open(path, "w") as conf:
            conf.write("Listen: 127.0.0.1:%d\nOutAddress: 127.0.0.1:%d\nClamAddress: %s\n"
                       "TempDirectory: %s\nMaxConnections: %d\nTimeOut: 600\n%s"
                       % (port, self.port["none"], self.clamd, spool, sessions, more))
        return path

    # Level 1 keeps both daemons in the foreground and a line per message out
    # of the log, which the relay does not write either.
    def argv_daemon(self, port):
        conf = self.configure("daemon", port, self.sessions)
        return [self.programs["daemon"], "-d", "1", "-f", conf]

    def argv_fildes(self, port):
        conf = self.configure("fildes", port, self.sessions, "ScanMode: fildes\n")
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
