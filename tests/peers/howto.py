# SPDX-License-Identifier: BSD-3-Clause
"""
A machine that is set up by a how-to of doc/: a copy of the root with a network
of its own, so that files, users and ports are those of the document.  clamd and
what hands mail to the machine are the test's.
"""

import re
import shutil
import smtplib
import subprocess
import time
from pathlib import Path

import pytest

from clamsmtpd import PROGRAM, REPOSITORY
from rig import FakeClamd
from samples import EICAR
from scratch import Impossible, Scratch
from test_transparent_rules import in_place

NEEDED = ("adduser", "useradd", "su", "ip")
SECONDS = 20
FAR = "127.0.0.9"
# What the machine has before the how-to begins.
PREPARE = """
echo "127.0.0.1 $(hostname).example.org $(hostname) localhost" >/etc/hosts
mkdir -p /run/clamav
"""


def snippets(document):
    """(the line before it, the snippet), in their order."""
    text = (REPOSITORY / "doc" / document).read_text()
    found = re.findall(r"(?m)^(.+)\n\n((?:^    .*\n|^\n(?=    ))+)", text)
    return [(lead, re.sub(r"(?m)^    ", "", code)) for lead, code in found]


def files(document):
    """path -> content of the files that the document tells to write."""
    named = [(re.search(r"In `(/[^`]+)`", lead), code) for lead, code in snippets(document)]
    return {name.group(1): code for name, code in named if name}


def commands(document, word):
    """The list of commands with this word in it."""
    code, = (code for lead, code in snippets(document) if word in code and not lead.startswith("In `/"))
    return code


def found(scan, _=None):
    return b"stream: Eicar-Signature FOUND\n" if EICAR in scan.data else b"stream: OK\n"


class Machine:
    """What a kind of it has:

      document   the how-to
      set_up()   what makes a mail system of it
      queued()   how many messages wait in its queue
    """

    def __init__(self, layers, shared):
        self.shared = shared
        self.scratch = Scratch(REPOSITORY, layers=layers, shared=[shared], alone=True)
        self.log = open(shared / "log", "ab+")
        self.clamd = FakeClamd(path=str(shared / "clamd"))
        self.filter = None

    def set_up(self):
        self.shell(PREPARE)
        self.shell(commands("postfix.md", "adduser --system"))
        for name, text in files(self.document).items():
            self.write(name, text)
        self.shell("chmod 666 {0}/clamd; ln -s {0}/clamd /run/clamav/clamd.ctl".format(self.shared))

    def write(self, name, text):
        path = self.scratch.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def shell(self, script, **kw):
        done = self.scratch.run("sh", "-ec", script, **kw)
        assert done.returncode == 0, done.stdout
        return done.stdout.decode(errors="replace")

    def inside(self, function):
        """Called where connections are the machine's."""
        return in_place(int(self.scratch.inside[self.scratch.inside.index("-t") + 1]), function)

    def spawn(self, *command):
        """It ends with the machine at the latest."""
        return self.scratch.spawn(*command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def start_filter(self):
        """Whom to end it by is what `exec` keeps."""
        self.filter = self.spawn("sh", "-c", "echo $$ >/run/filter; exec %s -d 4 -f /etc/clamsmtpd.conf" % PROGRAM)
        self.wait_port(10025)

    def stop_filter(self):
        self.shell("kill $(cat /run/filter)")
        self.filter.wait(SECONDS)
        assert not self.listens(10025)

    def listens(self, port):
        table = self.shell("cat /proc/net/tcp")
        return ":%04X 00000000:0000 0A" % port in table

    def wait_port(self, port):
        self.wait(lambda: self.listens(port), "port %d" % port)

    def wait(self, condition, what):
        end = time.monotonic() + SECONDS
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, "%s\n%s" % (what, self.said())
            time.sleep(0.05)

    def said(self):
        return Path(self.log.name).read_text(errors="replace")

    def post(self, subject, body="text", recipients=("you@example.org",), port=25):
        """From a stranger; returns the recipients that were refused."""
        def send():
            with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS, source_address=(FAR, 0)) as smtp:
                return smtp.sendmail("sender@far.example", list(recipients),
                                     "From: sender@far.example\r\nSubject: %s\r\n\r\n%s\r\n" % (subject, body))
        return self.inside(send)

    def clear(self):
        """Forgets what has arrived, and what clamd was told to answer."""
        self.clamd.clear()
        self.clamd.answer = found
        self.shell("rm -rf /home/*/Maildir")

    def subjects(self, user):
        """Of what has arrived in ~user/Maildir, in no order."""
        return sorted(re.findall(r"(?m)^Subject: (.*)$", self.shell("cat /home/%s/Maildir/new/* 2>/dev/null || :" % user)))

    def settle(self, meanwhile=lambda: None):
        """Returns when nothing is queued.  A message that goes from one queue into
        the other while they are listed may be in neither list, but not twice."""
        self.wait(lambda: meanwhile() or self.queued() == 0 and self.queued() == 0, "the queue is empty")

    def close(self):
        self.clamd.stop()
        self.scratch.close()
        self.log.close()


def running(kind, fetched, work, *files):
    """For a fixture: one of a kind, and the filter; or the test is skipped."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    missing += [name for name in files if not (fetched / "root" / name).exists()]
    if missing:
        pytest.skip("there is no " + " ".join(missing))
    try:
        machine = kind([fetched / "root"], work)
    except Impossible as e:
        pytest.skip(str(e))
    try:
        machine.set_up()
        machine.start_filter()
        yield machine
    finally:
        machine.close()
