# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Faults of what the daemon of a soak stands on: disk, descriptors, clamds, signals,
changed configurations, and the end of the daemon itself, with a new one beside it."""

import contextlib
import os
import random
import resource
import signal
import threading
import time

from rig import WAIT, Daemon, wait_until

PAUSE = 0.25  # seconds between two faults


def resident(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pid_in(path):
    with contextlib.suppress(FileNotFoundError, ValueError), open(path) as f:
        return int(f.read())
    return None


class Chaos(threading.Thread):
    """samples: (messages begun, resident octets);  old: the daemons that were
    replaced;  done: how often what was done."""

    def __init__(self, soak):
        super().__init__()
        self.soak, self.dice = soak, random.Random(soak.seed)
        self.samples, self.old, self.done = [], [], {}
        self.ending = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.ending.wait(PAUSE):
                self.samples.append((self.soak.begun, resident(self.soak.daemon.pid)))
                self.fault(self.dice.choice((
                    self.no_disk, self.no_descriptors, self.no_socket, self.signals, self.clamd_dies,
                    self.clamd_hangs, self.reload, self.restart, self.nothing)))
        except BaseException as e:
            self.error = e
            raise

    def fault(self, what):
        # The memory of the last daemon is looked at for as long as the others lived.
        if what == self.restart and self.soak.begun > self.soak.messages / 2:
            return
        self.done[what.__name__] = self.done.get(what.__name__, 0) + 1
        what()

    def end(self):
        self.ending.set()
        self.join()
        if self.error is not None:
            raise self.error
        for daemon in self.old:
            assert daemon.process.wait(WAIT) == 0, daemon.log_lines[-40:]
            daemon.stop()

    def starve(self, what, limit):
        old, hard = resource.prlimit(self.soak.daemon.pid, what)
        resource.prlimit(self.soak.daemon.pid, what, (limit, hard))
        self.ending.wait(0.03)
        resource.prlimit(self.soak.daemon.pid, what, (old, hard))

    def nothing(self):
        pass

    def no_disk(self):
        self.starve(resource.RLIMIT_FSIZE, 1000)

    def no_descriptors(self):
        self.starve(resource.RLIMIT_NOFILE, 30)

    def no_socket(self):
        path = self.soak.clamds[0].path
        os.rename(path, path + "~")
        self.ending.wait(0.02)
        os.rename(path + "~", path)

    def signals(self):
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ, signal.SIGUSR1):
            self.soak.daemon.signal(number)

    def clamd_dies(self):
        which = self.dice.randrange(len(self.soak.clamds))
        self.soak.clamds[which].stop()
        self.ending.wait(self.dice.random() / 2)
        self.soak.clamds[which] = self.soak.clamds[which].again()

    def clamd_hangs(self):
        clamd = self.dice.choice(self.soak.clamds)
        clamd.hang_up(True)
        self.ending.wait(self.dice.random() / 4)
        clamd.hang_up(False)

    def reload(self):
        """What changes is seen by nobody but the daemon."""
        daemon = self.soak.daemon
        options = daemon.options
        options["KeepAlives"] = str(1 - int(options.get("KeepAlives", 0)))
        options["ClamAddress"] = ", ".join(reversed(options["ClamAddress"].split(", ")))
        path = daemon.config
        daemon.config = path + ".new"
        daemon.write_config()
        os.rename(daemon.config, path)
        daemon.config = path
        daemon.signal(signal.SIGHUP)

    def restart(self):
        old = self.soak.daemon
        self.old.append(old)
        self.soak.ledger.stops.append(time.monotonic())
        old.signal(signal.SIGTERM)
        wait_until(lambda: not os.path.exists(old.options["PidFile"]), "the end of the pid file")
        new = Daemon(old.directory, level=old.level, start=False, **old.options)
        new.start()
        # Its place is its own only then: another one may follow.
        wait_until(lambda: pid_in(new.options["PidFile"]) == new.pid, "its pid file")
        new.threads_kept, new.base_fds = old.threads_kept, old.base_fds
        self.soak.daemon = new
