# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""All parties of one test."""

import contextlib
import os
import re

from rig.basics import wait_until
from rig.clamd import FakeClamd
from rig.daemon import Daemon
from rig.upstream import FakeServer
from rig.words import CONTENT, OK, facts_of, is_summary, old_part


class Rig:
    """A daemon with its fake clamd and server, in a directory of its own.
    Keyword arguments are those of Daemon."""

    def __init__(self, directory, **daemon):
        self.directory = str(directory)
        self.clamd = FakeClamd(path=os.path.join(self.directory, "clamd"))
        self.server = FakeServer()
        try:
            self.daemon = Daemon(self.directory, self.clamd, self.server, **daemon)
        except BaseException:
            self.close_fakes()
            raise
        self.mark, self.told, self.last_id = 0, 0, ""

    def client(self, **kw):
        return self.daemon.client(**kw)

    @contextlib.contextmanager
    def held(self, client, content=CONTENT, answer=OK):
        """The client's message is with clamd, which answers at the block's end."""
        hold = self.clamd.hold(answer)
        client.begin(content)
        hold.wait_reached()
        try:
            yield
        finally:
            hold.release()

    def clear(self):
        """Ready for another test: empty records, a running daemon."""
        self.clamd.clear()
        self.server.clear()
        if not self.daemon.alive():
            self.daemon.start()
        self.mark = self.daemon.mark()
        self.told = 0
        # The last lines of a session may come late; its first has come.
        ids = [l[:6] for l in self.daemon.log_lines if re.match("[0-9A-F]{6}: ", l)]
        self.last_id = max(ids, default="")

    def summary(self, *keys):
        """Wait for the next summary line, first of all sessions since clear(); in
        1.10's form, and of the facts behind the status only those of these keys."""
        line = self.whole_summary()
        facts = facts_of(line)
        return old_part(line) + "".join(", %s=%s" % (k, facts[k]) for k in keys if k in facts)

    def facts(self):
        """The same line's facts: what stands behind 1.10's part."""
        return facts_of(self.whole_summary())

    def whole_summary(self):
        def lines():
            return [l[8:] for l in self.daemon.log_lines if is_summary(l) and l[:6] > self.last_id]
        wait_until(lambda: len(lines()) > self.told, "a summary line")
        self.told += 1
        return lines()[self.told - 1]

    def close_fakes(self):
        self.clamd.stop()
        self.server.stop()

    def close(self, check=True):
        try:
            if check and self.daemon.alive():
                self.daemon.leftovers()
        finally:
            try:
                self.daemon.stop(check)
            finally:
                self.close_fakes()

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        self.close(check=kind is None)
