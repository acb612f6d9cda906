# SPDX-License-Identifier: BSD-3-Clause
"""A mail server of doc/loopback.md: a Postfix with the lines of it in the place of those
of doc/postfix.md.  127.0.0.11 has the part of 192.0.2.11, and 127.0.0.1 that of the
filter.  tests/e2e/test_loopback_howto.py has the filter and two hosts."""

import os
import re
import shutil
import smtplib
import tempfile
from pathlib import Path

import pytest

from clamsmtpd import REPOSITORY, send
from postfix import program
from test_howto_postfix import MIME, Daemon, FakeClamd, Site, free_port, services

if os.geteuid() != 0:
    pytest.skip("Postfix has to be started by root", allow_module_level=True)
if program() is None:
    pytest.skip("Postfix is needed", allow_module_level=True)

HOST, FILTER = "127.0.0.11", "127.0.0.1"
MESSAGE = b"From: somebody\r\nSubject: hello\r\n" + MIME + b"\r\nwords\r\n"


def blocks(file):
    """What the document puts into that file of a mail server."""
    text = (REPOSITORY / "doc" / "loopback.md").read_text().split("## A mail server\n")[1].split("\n## ")[0]
    after = text.split("`%s`" % file)[1].split("\nIn `")[0]
    return [re.sub("(?m)^    ", "", b) for b in re.findall(r"(?m)(?:^    .*\n)+", after)]


class LoopbackSite(Site):
    def here(self, text):
        for there, ours in (("192.0.2.10]:10025", "%s]:%d" % (FILTER, self.filter_port)), ("192.0.2.10", FILTER),
                            ("192.0.2.11:10026", "%s:%d" % (HOST, self.back_port)), ("192.0.2.11", HOST)):
            text = text.replace(there, ours)
        return text

    def filter_lines(self):
        line, = blocks("/etc/postfix/main.cf")
        return super().filter_lines() + self.here(line)

    def _write_config(self):
        super()._write_config()
        path = self.config / "master.cf"
        entries = services(path.read_text())
        bind, back = map(self.here, blocks("/etc/postfix/master.cf"))
        head, *options = back.splitlines(keepends=True)
        # The other one stays, for the test to see that Postfix runs.
        old = entries["127.0.0.1:%d" % self.back_port, "inet"]
        entries["back", "inet"] = head + replaced(old.split("\n", 1)[1], options)
        entries["scan", "unix"] = replaced(entries["scan", "unix"], bind.splitlines(keepends=True))
        path.write_text("".join(entries.values()))


def replaced(entry, options):
    """Each of the options, in the place of the one of postfix.md."""
    for option in options:
        name = option.split("=")[0].strip()
        assert " %s=" % name in entry
        entry = re.sub(r"(?m)^ +%s=.*\n" % name, option.replace("\\", r"\\"), entry)
    return entry


@pytest.fixture
def site():
    directory = Path(tempfile.mkdtemp(prefix="clamsmtpd-loopback."))
    directory.chmod(0o755)
    clamd, port = FakeClamd(path=str(directory / "clamd")), free_port()
    postfix = LoopbackSite(directory / "postfix", port, free_port(), ["master.cf"])
    try:
        postfix.start()
        with Daemon(directory, clamd, Listen="%s:%d" % (FILTER, port), OutAddress=str(postfix.back_port)) as daemon:
            yield postfix, daemon
    finally:
        postfix.stop()
        clamd.stop()
        shutil.rmtree(directory)


def test_the_mail_comes_back_to_where_it_came_from(site):
    postfix, daemon = site
    reply = send(postfix.port, MESSAGE, source="127.0.0.9", helo="far.example.test")
    postfix.wait_settled(re.search(r"queued as (\w+)", reply).group(1))
    arrived, = postfix.mailbox()
    assert arrived.count(b"\nX-Virus-Scanned: ") == 1 and arrived.endswith(b"\nwords\n")
    daemon.wait_log("accepted connection from: %s$" % re.escape(HOST))
    daemon.wait_log("SERVER connected to: %s$" % re.escape(HOST))
    assert re.search(r"client=unknown\[%s\], orig_queue_id=\w+, orig_client=unknown\[127\.0\.0\.9\]" %
                     re.escape(FILTER), postfix.log())

    # Nobody but the filter gets mail in there.
    with smtplib.SMTP(HOST, postfix.back_port, timeout=20, source_address=("127.0.0.5", 0)) as stranger:
        stranger.ehlo("stranger")
        stranger.mail("a@example.org")
        assert stranger.rcpt("recipient@example.test")[0] == 554
