# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The comparison (test_comparison_*.py): the same dialogues with clamsmtpd 1.10
and with ours.

Each scenario is played to both programs.  What the client saw, what the server
got, what clamd was shown, the log at level 3 and whatever else the scenario
returns must be the same.  What is meant to differ stands at the scenario: the
parts with what ours gives there, and why.  A difference that is listed and does
not occur fails too.  Without 1.10, ours is still held to these parts.

Taken out before comparing, since they differ in every run or by design:
paths, ports and temporary names; the facts behind a summary's status; the
scan-only line; the command by which clamd
is asked; the reason in parentheses behind a message about the configuration; and
that ours scans once more what got no verdict: what is shown or logged twice in a
row counts once, and nothing is said of a clamd that is set aside or back.
"""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import new_directory
from rig import OURS, WAIT, Client, Rig, is_summary, old_part, original, wait_until

ORIGINAL = original()
needs_original = pytest.mark.skipif(
    ORIGINAL is None, reason="no clamsmtpd 1.10 (./bootstrap packages check, or CLAMSMTPD_ORIGINAL)")

# What many scenarios send and get.
ENVELOPE = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"
ENVELOPE_OK = b"250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n"
ADDED = b"X-Virus-Scanned: ClamAV using ClamSMTP\r\n"
MESSAGE = b"DATA\r\nSubject: test\r\nFrom: a@example.org\r\n" + ADDED + b"\r\nHello.\r\n.\r\n"
NOOP_OK, RSET, QUIT, BYE = b"250 2.0.0 noop\r\n", b"RSET\r\n", b"QUIT\r\n", b"221 2.0.0 bye\r\n"


def logged(*lines):
    """The log of the first session."""
    return ["100000: " + line for line in ("accepted connection from: 127.0.0.1",) + lines]


class Stage(Rig):
    """A Rig that remembers its clients."""

    def __init__(self, directory, binary, **options):
        self.clients = []
        super().__init__(directory, binary=binary, level=3, **options)

    def client(self, **kw):
        address = kw.pop("address", self.daemon.address)
        c = Client(address, **kw)
        self.clients.append(c)
        return c

    def restart(self, **options):
        self.daemon.stop(check=False)
        self.daemon.options.update(options)
        self.daemon.start()


# [BUG] of 1.10: on a stop it closes descriptors its threads still use, with
# differing success.
STRAY_CLOSE = re.compile("couldn't (read|write) data (from|to) socket: "
                         "(Bad file descriptor|Socket operation on non-socket)")


AS_ROOT = "running as root is NOT recommended"  # who runs the tests?
ASIDE = re.compile("clamd .* is (set aside: .*|back)$")


def without_facts(line):
    return line[:8] + old_part(line[8:]) if is_summary(line) else line


def once(items):
    """Without what is the same as the one before it."""
    return [item for n, item in enumerate(items) if n == 0 or items[n - 1] != item]


def without_parting(part, value):
    """Without the QUIT with which we, and not 1.10, leave a server of ourselves
    (test_parting.py has that)."""
    if part == "server" and isinstance(value, list):
        return [raw.removesuffix(b"QUIT\r\n") for raw in value]
    if part == "log" and isinstance(value, list):
        return [line for line in value if not line.endswith("SERVER > QUIT")]
    return value


def normal(stage, text):
    """Text without what differs in every run."""
    if isinstance(text, (bytes, bytearray)):
        return normal(stage, bytes(text).decode("latin-1")).encode("latin-1")
    text = re.sub(r"\b(clamsmtpd|virus)\.\w{6}\b", r"\1.TMP", text)
    text = text.replace(stage.daemon.spool + "//", stage.daemon.spool + "/")
    text = re.sub(r"(%s/clamsmtpd\.TMP|\bstream): " % re.escape(stage.daemon.spool), "SUBJECT: ", text)
    text = text.replace(stage.directory, "DIR").replace(stage.server.address, "SERVER")
    text = text.replace(str(stage.daemon.options.get("OutAddress")), "OUT")
    return text.replace(str(stage.daemon.options.get("Listen")), "LISTEN")


def perform(function, options, binary):
    """Play a scenario; returns its transcript in parts."""
    directory = new_directory()
    try:
        stage = Stage(directory, binary, **options)
        try:
            other = function(stage)
            for c in stage.clients:
                c.close()
            for connection in list(stage.server.connections):
                connection.wait_closed()
            if stage.daemon.alive():
                wait_until(lambda: stage.daemon.count_fds() <= stage.daemon.base_fds)
        finally:
            stage.daemon.stop(check=False)
            stage.close_fakes()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return {
        "client": [normal(stage, c.received) for c in stage.clients],
        "server": [normal(stage, c.raw) for c in stage.server.connections],
        "clamd": once([re.sub(rb"\AReceived: [^\n]*\n", b"", s.data) if binary == OURS else s.data
                       for s in stage.clamd.scans]),
        "log": once([normal(stage, without_facts(l)) for l in stage.daemon.log_lines
                     if not STRAY_CLOSE.search(l) and l != AS_ROOT and not ASIDE.search(l)]),
        "other": other,
    }


def same(value, held):
    """Whether a part is as it is held; what differs among builds is a pattern."""
    return held.fullmatch(value) is not None if isinstance(held, re.Pattern) else value == held


class Comparison:
    """The scenarios of a module, by name."""

    def __init__(self):
        self.plays, self.differs, self.why, self.marks = {}, {}, {}, {}

    def add(self, name, play, differs=None, why="", marks=()):
        """play(binary) returns the parts; differs: {part: what it is with ours}
        of those that 1.10 does otherwise, and why we do."""
        assert name not in self.plays and bool(differs) == bool(why), name
        self.plays[name], self.differs[name] = play, differs or {}
        self.why[name], self.marks[name] = why, marks

    def scenario(self, differs=None, why="", **options):
        """A function that is called with a Stage of these options."""
        def register(function):
            self.add(function.__name__, lambda binary: perform(function, options, binary), differs, why)
            return function
        return register

    def tests(self):
        """The fixture `played`, the futures of the scenarios, several at a time
        as they mostly wait; and the tests that ask for them."""
        @pytest.fixture(scope="module")
        def played(request):
            items = [i for i in request.session.items
                     if i.module is request.module and not any(m.args[0] for m in i.iter_markers("skipif"))]
            wanted = {(i.callspec.params["name"], binary): None for i in items
                      for binary in ([ORIGINAL, OURS] if i.function is test_same_as_1_10 else [OURS])}
            with ThreadPoolExecutor(6) as pool:
                yield {(n, b): pool.submit(self.plays[n], b) for n, b in wanted}

        def parameters(names):
            return pytest.mark.parametrize("name", [pytest.param(n, marks=self.marks[n]) for n in names])

        @needs_original
        @parameters(self.plays)
        def test_same_as_1_10(name, played):
            theirs, ours = (played[name, binary].result(10 * WAIT) for binary in (ORIGINAL, OURS))
            theirs, ours = ({part: without_parting(part, parts[part]) for part in parts} for parts in (theirs, ours))
            different = {part for part in theirs if theirs[part] != ours[part]}
            listed = set(self.differs[name])
            shown = "\n".join("%s\n  1.10: %r\n  ours: %r" % (p, theirs[p], ours[p]) for p in sorted(different))
            assert not listed - different, "listed (%s) but the same: %s\n%s" % (
                self.why[name], listed - different, shown)
            assert different == listed, "not listed:\n" + shown

        @parameters(n for n in self.plays if self.differs[n])
        def test_ours_where_it_differs(name, played):
            ours = played[name, OURS].result(10 * WAIT)
            for part, held in self.differs[name].items():
                if part in ("log", "clamd") and isinstance(held, list):
                    held = once(held)
                held, got = without_parting(part, held), without_parting(part, ours[part])
                assert same(got, held), "%s: %r" % (part, got)

        return played, test_same_as_1_10, test_ours_where_it_differs
