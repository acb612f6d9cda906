# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The daemon under test."""

import contextlib
import glob
import os
import re
import signal
import subprocess
import threading
import time

from rig.basics import ENVIRONMENT, OURS, THREADS_KEPT, WAIT, WRAPPER, free_port, wait_until
from rig.client import Client
from rig.words import is_summary, old_part


class Daemon:
    """The daemon under test, started in the foreground.

    Daemon(directory, clamd, server, Option="value", ...)

    directory  where configuration, spool (`.spool`) and logs live
    clamd, server  give ClamAddress and OutAddress unless these options are
               given; an option that is None is left out, and one
               that is a list stands there for each of its values
    Listen     default: a free port of 127.0.0.1 (retried when it is taken)
    level      for -d;  args: more arguments;  env: added to the environment
    binary     default: ours (or a function that gives it);  preexec: called in the child (limits)
    start      False: only write the configuration; call start() later

    address is what Client() takes; log_lines the lines of the log so far,
    without the `clamsmtpd: ` at their head; use it as a context manager:
    leaving it stops the daemon and checks its exit code and leftovers.
    """

    def __init__(self, directory, clamd=None, server=None, *, binary=None, level=4,
                 args=(), env=None, preexec=None, cwd=None, wrapper=(), start=True, **options):
        self.directory = str(directory)
        self.binary = binary() if callable(binary) else binary or OURS
        self.level, self.args, self.env = level, list(args), env or {}
        self.preexec, self.cwd, self.wrapper = preexec, cwd, list(wrapper)
        self.spool = os.path.join(self.directory, "spool")
        os.makedirs(self.spool, mode=0o755, exist_ok=True)
        self.config = os.path.join(self.directory, "clamsmtpd.conf")
        self.auto_listen = "Listen" not in options
        self.options = {"TempDirectory": self.spool}
        if clamd is not None:
            self.options["ClamAddress"] = clamd.address
        if server is not None:
            self.options["OutAddress"] = server.address
        self.options.update(options)
        self.threads_kept = THREADS_KEPT
        self.process = None
        self.close_fds = True  # False: what is inheritable goes to the process
        self.log_lines = []
        self._log_changed = threading.Condition()
        if start:
            self.start()

    # -- configuration and start

    def write_config(self):
        if self.auto_listen:
            self.options["Listen"] = "127.0.0.1:%d" % free_port()
        with open(self.config, "w", encoding="latin-1", newline="") as f:
            for name, value in self.options.items():
                for v in value if isinstance(value, list) else [value]:
                    if v is not None:
                        f.write("%s: %s\n" % (name, v))
        listen = self.options.get("Listen") or "10025"
        listen = listen[0] if isinstance(listen, list) else listen.split(",")[0]
        if "/" in listen:
            self.address = os.path.join(self.cwd or "", listen)
        else:
            host, _, port = listen.rpartition(":")
            host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
            self.address = (host, int(port))

    def spawn(self):
        """Start the process without waiting for anything."""
        self.write_config()
        env = dict(ENVIRONMENT, LC_ALL="C", **self.env)
        argv = self.wrapper + WRAPPER + [self.binary, "-f", self.config]
        if self.level is not None:
            argv += ["-d", str(self.level)]
        self.process = subprocess.Popen(
            argv + self.args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=env, cwd=self.cwd, preexec_fn=self.preexec, close_fds=self.close_fds)
        self.pid = self.process.pid
        self.log_lines = []
        self._log_thread = threading.Thread(target=self._read_log, daemon=True)
        self._log_thread.start()

    def start(self):
        for attempt in range(5):
            self.spawn()
            if self._wait_listening():
                break
            taken = any("couldn't bind to address" in l for l in self.log_lines)
            if not (self.auto_listen and taken and attempt < 4):
                raise AssertionError("the daemon did not start: exit %r, log %r" % (
                    self.process.returncode, self.log_lines))
        # It may open more between the line and its first wait.
        wait_until(self._asleep, "the daemon's first wait")
        self.base_fds = self.count_fds()
        self.base_threads = self.count_threads()
        return self

    def _asleep(self):
        with open("/proc/%d/stat" % self.pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "S"

    def _wait_listening(self):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if self.level == 4:
                if "accepting connections" in self.log_lines:
                    return True
            elif self.listening():
                return True
            if self.process.poll() is not None:
                self._log_thread.join(WAIT)
                return False
            time.sleep(0.005)
        self.kill()
        raise AssertionError("the daemon does not listen: %r" % self.log_lines)

    def listening(self):
        """Whether the kernel shows our listener (without connecting)."""
        if isinstance(self.address, str):
            return os.path.exists(self.address)
        wanted = ":%04X" % self.address[1]
        with open("/proc/%d/net/tcp%s" % (self.pid, "6" if ":" in self.address[0] else "")) as f:
            return any(l.split()[1].endswith(wanted) and l.split()[3] == "0A"
                       for l in f.readlines()[1:])

    # -- the log

    def _read_log(self):
        for line in self.process.stderr:
            text = line.decode("latin-1").rstrip("\n")
            if text.startswith("clamsmtpd: "):
                text = text[len("clamsmtpd: "):]
            with self._log_changed:
                self.log_lines.append(text)
                self._log_changed.notify_all()

    def mark(self):
        """A position in the log for wait_log() and log_since()."""
        return len(self.log_lines)

    def log_since(self, mark=0):
        return self.log_lines[mark:]

    def wait_log(self, regex, since=0):
        """Wait for a line that matches (re.search); returns the match."""
        end = time.monotonic() + WAIT
        with self._log_changed:
            while True:
                for line in self.log_lines[since:]:
                    found = re.search(regex, line)
                    if found:
                        return found
                left = end - time.monotonic()
                assert left > 0, "no log line %r in %r" % (regex, self.log_lines[since:])
                self._log_changed.wait(left)

    def summaries(self, since=0):
        """The summary lines so far, in 1.10's form: without their session id, and
        without the facts behind the status (facts() has those)."""
        return [old_part(l) for l in self.whole_summaries(since)]

    def whole_summaries(self, since=0):
        return [l[8:] for l in self.log_lines[since:] if is_summary(l)]

    # -- resources

    def count_fds(self):
        """Descriptors, without the files that threads keep for their next message."""
        return len(os.listdir("/proc/%d/fd" % self.pid)) - len(self.unnamed_files())

    def count_threads(self):
        return len(os.listdir("/proc/%d/task" % self.pid))

    def unnamed_files(self):
        """Paths by which the tests, not the system, reach the daemon's open
        files in the spool that have no name."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in glob.glob("/proc/%d/fd/*" % self.pid):
                with contextlib.suppress(FileNotFoundError):
                    link = os.readlink(path)
                    if link.startswith(self.spool + "/") and link.endswith(" (deleted)"):
                        found.append(path)
        return found

    def temp_files(self):
        return glob.glob(os.path.join(self.spool, "clamsmtpd.*")) + self.unnamed_files()

    def virus_files(self):
        return sorted(glob.glob(os.path.join(self.spool, "virus.*")))

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def leftovers(self):
        """Assert that finished sessions left nothing: no temporary file, no
        descriptor, no thread (but a few that wait for work)."""
        assert self.alive(), "the daemon has died: %r" % self.log_lines[-20:]

        def clean():
            # A thread of a connection keeps one file at most.
            return (not glob.glob(os.path.join(self.spool, "clamsmtpd.*")) and
                    len(self.unnamed_files()) < self.count_threads() and
                    self.count_fds() <= self.base_fds and self.count_threads() <= self.base_threads + self.threads_kept)
        try:
            wait_until(clean)
        except AssertionError:
            raise AssertionError("left over: files %r, %d other descriptors (%d at start), "
                                 "%d threads (%d at start)" % (
                                     self.temp_files(), self.count_fds(), self.base_fds,
                                     self.count_threads(), self.base_threads)) from None

    # -- the end

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_exit(self):
        """Wait for the end; returns the exit code (negative: a signal)."""
        code = self.process.wait(WAIT)
        self._log_thread.join(WAIT)
        self.process.stderr.close()
        return code

    def stop(self, check=True):
        """SIGTERM to our own pid; the exit code must be 0."""
        if self.process is None or self.process.returncode is not None:
            return self.process and self.process.returncode
        if self.alive():
            self.signal(signal.SIGTERM)
        try:
            code = self.wait_exit()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("SIGTERM did not end the daemon: %r" % self.log_lines[-20:])
        if check:
            assert code == 0, "exit code %d: %r" % (code, self.log_lines[-40:])
            found = [l for l in self.log_lines if "runtime error:" in l or "Sanitizer" in l]
            assert not found, self.log_lines[-200:]
        return code

    def kill(self):
        if self.alive():
            self.signal(signal.SIGKILL)
        self.process.wait(WAIT)

    def client(self, **kw):
        return Client(self.address, **kw)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind is not None:
            self.stop(check=False)
            return
        if self.alive():
            try:
                self.leftovers()
            finally:
                self.stop()
