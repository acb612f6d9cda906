#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Draws doc/monitoring-panels.svg: the dashboard's panels of a run of two minutes,
in which clamd is slow for a while and then gone.  No test; needs gnuplot.

usage: monitoring_picture.py OUTPUT.svg
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

from monitor import Monitor, panels
from rig import INFECTED, OK, Rig, Sleep, verdict

SHOWN = ["Messages a second, by how they ended", "Scan time", "Connections", "clamd"]
PHASES = [(40, "well"), (30, "slow"), (20, "gone"), (30, "well")]
HEAD = """set terminal svg size 900,560 font 'sans,11' background 'white'
set output '%s'
set multiplot layout 2,2
set grid ytics lc rgb '#dddddd'
set border 3
set tics nomirror
set key top left reverse Left samplen 2
set xlabel 'seconds'
"""


class Load:
    """Eight clients, one of fifty messages is infected."""

    def __init__(self, r):
        self.rig, self.over, self.pause = r, threading.Event(), 0.12
        self.threads = [threading.Thread(target=self.work, args=(n,)) for n in range(8)]
        for t in self.threads:
            t.start()

    def work(self, seed):
        chance = random.Random(seed)
        while not self.over.is_set():
            with self.rig.client() as c:
                for _ in range(chance.randrange(1, 5)):
                    c.mail(*([INFECTED] if chance.random() < 0.02 else []))
                    time.sleep(self.pause * chance.random())

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join()


def slowly(seconds):
    """A verdict that takes up to so long."""
    return lambda *_: (Sleep(seconds * random.random()), verdict)


def play(r):
    """The phases; the file is written each second."""
    load = Load(r)
    for seconds, phase in PHASES:
        gone = phase == "gone"
        r.clamd.look = b"{path}: broken ERROR{end}" if gone else OK
        r.clamd.answer = r.clamd.look if gone else slowly(0.4 if phase == "slow" else 0.02)
        for _ in range(seconds):
            r.daemon.signal(signal.SIGUSR1)
            time.sleep(1)
    load.stop()


def draw(monitor, start, end, output):
    script = HEAD % output
    for title, targets in panels():
        if title not in SHOWN:
            continue
        lines, data = [], ""
        for expression, legend in targets:
            for labels, points in monitor.query_range(expression, start, end):
                name = legend
                for key in labels:
                    name = name.replace("{{%s}}" % key, "" if key in ("instance", "address") else labels[key])
                if any(v for _, v in points if v == v):
                    lines.append("'-' using 1:2 with %s lw 2 title '%s'" % (
                        "steps" if title == "clamd" else "lines", name.strip()))
                    data += "".join("%d %g\n" % (t - start, v) for t, v in points if v == v) + "e\n"
        script += "set title '%s'\nset yrange [0:%s]\nplot %s\n%s" % (
            title, "1.2" if title == "clamd" else "*", ", ".join(lines), data)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main(output):
    with tempfile.TemporaryDirectory(prefix="clamsmtpd-monitoring.") as directory:
        os.mkdir(directory + "/textfiles")
        with Rig(directory, StatsFile=directory + "/textfiles/clamsmtpd.prom", level=0) as r:
            monitor = Monitor(directory, directory + "/textfiles")
            try:
                start = time.time()
                play(r)
                draw(monitor, start, time.time(), output)
            finally:
                monitor.stop()


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
