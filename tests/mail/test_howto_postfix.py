# SPDX-License-Identifier: BSD-3-Clause
"""
What doc/postfix.md tells to write into main.cf and master.cf, as it stands
there, with a main.cf full of settings that are meant for the world.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import packages
import site_settings
from clamsmtpd import REPOSITORY, send, wait_for
from postfix import MASTER, Postfix, howto, program

sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))

from rig import Daemon, FakeClamd, FakeServer, Sleep, free_port, verdict  # noqa: E402

if os.geteuid() != 0:
    pytest.skip("Postfix has to be started by root", allow_module_level=True)

FAR = "127.0.0.9"
LONG = b"x" * 3000
BODY = b"Nothing but words.\r\n.a dot, \xe9\xe8\r\n" + LONG + b"\r\n"
MIME = (b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n")
STARTED_SECONDS = 30


def message(subject=b"clean", body=BODY):
    return b"From: somebody\r\nSubject: " + subject + b"\r\n" + MIME + b"\r\n" + body


VIRUS = message(b"virus", b"INFECTED:Worm.Test\r\n")


def services(text):
    """master.cf's entries by their first two words."""
    entries = re.findall(r"(?m)^\S.*\n(?:[ \t]+.*\n)*", text)
    return {tuple(entry.split()[:2]): entry for entry in entries}


class Site(Postfix):
    """A private Postfix with the site's settings.  sections are those of the
    how-to that master.cf is made of."""

    def __init__(self, directory, filter_port, trap, sections):
        super().__init__(directory, filter_port)
        self.sections = sections
        self.values = {"trap": trap, "dead": free_port()}

    def howto(self, section):
        return howto(section, self.filter_port, self.back_port)

    def additions(self, name):
        if name == "main.cf":
            site = site_settings.CLIENT + site_settings.SERVER + site_settings.BOTH
            return site.format(**self.values) + self.filter_lines()
        return ""

    def filter_lines(self):
        """Those of main.cf; two of them go when the filter is before the queue."""
        return re.sub("" if "Before the queue" not in self.sections else
                      "(?m)^(content_filter|receive_override_options) = .*$", "", self.howto("main.cf"))

    def _write_config(self):
        super()._write_config()
        front = "127.0.0.1:%d" % self.port
        entries = services(MASTER.format(port=self.port))
        for section in self.sections:
            added = self.howto(section).replace("smtp      inet", front + " inet")
            entries.update(services(added.replace(" y ", " n ")))
        # The site's own port takes mail from the test.
        theirs = entries[front, "inet"]
        for option in site_settings.FRONT.split():
            if " -o " + option.split("=")[0] not in theirs:
                theirs += "    -o %s\n" % option
        entries[front, "inet"] = theirs
        (self.config / "master.cf").write_text("".join(entries.values()))


class System:
    def __init__(self, directory, sections, **options):
        self.clamd = FakeClamd(path=str(directory / "clamd"))
        self.trap = FakeServer()
        self.filter_port = free_port()
        self.postfix = Site(directory / "postfix", self.filter_port, self.trap.port, sections)
        self.postfix.start()
        self.daemon = Daemon(directory, self.clamd, start=False, Listen="127.0.0.1:%d" % self.filter_port,
                             OutAddress="127.0.0.1:%d" % self.postfix.back_port, **options)

    def post(self, content, **envelope):
        return send(self.postfix.port, content, source=FAR, helo="far.example.test", **envelope)

    def deliver(self, content, **envelope):
        reply = self.post(content, **envelope)
        queued = re.search(r"queued as (\w+)", reply)
        assert queued, reply + "\n" + self.postfix.log()
        self.postfix.wait_settled(queued.group(1))

    def clear(self):
        assert not self.trap.connections
        self.postfix.clear()
        self.clamd.clear()
        if not self.daemon.alive():
            self.daemon.start()

    def stop(self):
        self.postfix.stop()
        self.daemon.stop()
        self.clamd.stop()
        self.trap.stop()


@pytest.fixture(scope="module")
def shared():
    yield from running(["master.cf"], Quarantine="on")


@pytest.fixture(scope="module")
def shared_before():
    yield from running(["master.cf", "Before the queue"], Action="bounce")


def running(sections, **options):
    if program() is None:
        pytest.skip("Postfix is needed")
    directory = Path(tempfile.mkdtemp(prefix="clamsmtpd-howto."))
    directory.chmod(0o755)
    system = System(directory, sections, **options)
    try:
        yield system
    finally:
        system.stop()
        shutil.rmtree(directory)


@pytest.fixture
def system(shared):
    shared.clear()
    yield shared
    assert not shared.trap.connections


@pytest.fixture
def before(shared_before):
    shared_before.clear()
    yield shared_before
    assert not shared_before.trap.connections


def fields(octets, name):
    return re.findall(rb"(?m)^%s: (.*)$" % name, octets.split(b"\n\n", 1)[0])


def test_a_message_arrives_once_and_unchanged(system):
    system.deliver(message(), sender='"a b"@example.org',
                   recipients=["recipient@example.test", "sender@example.test"])
    scan, = system.clamd.scans
    assert scan.data.endswith(message().replace(b"Subject:", b"X-Site: once\r\nSubject:"))
    for user in ("recipient", "sender", "other"):
        arrived, = system.postfix.mailbox(user)
        assert fields(arrived, b"Subject") == [b"clean"]
        assert fields(arrived, b"From") == [b"somebody"]
        assert fields(arrived, b"X-Site") == [b"once"]
        assert fields(arrived, b"X-Virus-Scanned") == [b"ClamAV using ClamSMTP"]
        assert arrived.split(b"\n\n", 1)[1] == BODY.replace(b"\r\n", b"\n")


def test_port_10026_is_told_who_the_client_was(system):
    system.deliver(message())
    assert re.search(r"client=unknown\[127\.0\.0\.1\], orig_queue_id=\w+, "
                     r"orig_client=unknown\[%s\]" % re.escape(FAR), system.postfix.log())


def test_aliases_canonicals_and_copies_are_used_once(system):
    system.deliver(message(), sender="old@example.test", recipients=["alias@example.test"])
    assert len(system.postfix.mailbox()) == 1
    assert len(system.postfix.mailbox("other")) == 1
    assert b"Return-Path: <sender@example.test>" in system.postfix.mailbox()[0]


def test_mail_of_a_system_user_arrives(system):
    system.deliver(message(), sender="cron@example.test")
    assert len(system.postfix.mailbox()) == 1


def test_a_virus_does_not_arrive(system):
    system.deliver(VIRUS)
    assert len(system.clamd.scans) == 1
    assert [system.postfix.mailbox(user) for user in ("recipient", "sender", "other")] == [[], [], []]


def test_a_slow_scan_makes_no_second_copy(system):
    system.clamd.answer = (Sleep(2.5), verdict)
    system.deliver(message())
    assert len(system.clamd.scans) == 1
    assert len(system.postfix.mailbox()) == 1


def test_the_largest_message_that_is_taken_arrives(system):
    """With a tenth between the limits, as "How large" tells."""
    line = b"x" * 70 + b"\r\n"
    system.deliver(message(body=line * ((300000 - len(message(body=b""))) // len(line))))
    assert len(system.postfix.mailbox()) == 1


def test_many_at_once(system):
    ids = [re.search(r"queued as (\w+)", system.post(message())).group(1) for _ in range(12)]
    system.postfix.wait_settled(*ids)
    assert len(system.postfix.mailbox()) == 12


def test_many_recipients_are_one_scan(system):
    system.deliver(message(), recipients=["%s@example.test" % user for user in
                                          ("recipient", "sender", "other", "alias")])
    assert len(system.clamd.scans) == 1


def test_mail_waits_for_the_filter(system):
    system.daemon.stop()
    system.post(message())
    system.post(VIRUS)
    wait_for("both are deferred", lambda: system.postfix.deferred() == 2, STARTED_SECONDS)
    system.daemon.start()
    system.postfix.flush()
    system.postfix.wait_settled()
    assert len(system.postfix.mailbox()) == 1
    assert len(system.postfix.mailbox("sender")) == 0


def test_mail_waits_for_port_10026(system):
    """The daemon's 421 is no reason to return mail."""
    back, system.daemon.options["OutAddress"] = system.daemon.options["OutAddress"], "127.0.0.1:%d" % free_port()
    system.daemon.stop()
    system.daemon.start()
    system.post(message())
    wait_for("it is deferred", lambda: system.postfix.deferred() == 1, STARTED_SECONDS)
    system.daemon.options["OutAddress"] = back
    system.daemon.stop()
    system.daemon.start()
    system.postfix.flush()
    system.postfix.wait_settled()
    assert len(system.postfix.mailbox()) == 1


def sendmail(postfix, content, recipient, sender="old@example.test"):
    done = subprocess.run([packages.find("sendmail"), "-C", str(postfix.config), "-i", "-f", sender, recipient],
                          input=content, env=packages.environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl (package curl)")
def test_what_is_quarantined_is_released_by_port_10026_alone(system):
    """As doc/quarantine.md tells, and why not by sendmail."""
    old = set(system.daemon.virus_files())
    system.deliver(VIRUS)
    file, = set(system.daemon.virus_files()) - old
    sendmail(system.postfix, Path(file).read_bytes(), "recipient@example.test")
    wait_for("it is caught again", lambda: len(set(system.daemon.virus_files()) - old) == 2, STARTED_SECONDS)
    text = (REPOSITORY / "doc" / "quarantine.md").read_text()
    command = re.search(r"(?m)^    curl (?:.*\\\n)+.*\n", text).group(0)
    for there, here in (("127.0.0.1:10026", "127.0.0.1:%d" % system.postfix.back_port),
                        ("bob@example.net", "recipient@example.test"), ("carol@example.net", "sender@example.test"),
                        ("/var/spool/clamsmtp/virus.AbC123", file)):
        assert there in command
        command = command.replace(there, here)
    subprocess.run(["sh", "-c", command], check=True, timeout=60)
    system.postfix.wait_settled()
    for user in ("recipient", "sender"):
        arrived, = system.postfix.mailbox(user)
        assert arrived.endswith(Path(file).read_bytes().split(b"\r\nFrom: somebody", 1)[1].replace(b"\r\n", b"\n"))


# ---- before the queue

def test_before_the_queue_a_virus_is_refused(before):
    assert before.post(VIRUS).startswith("550 ")
    assert before.postfix.mailbox() == []


def test_before_the_queue_mail_to_an_alias_arrives_once(before):
    before.deliver(message(), recipients=["alias@example.test"])
    arrived, = before.postfix.mailbox()
    assert fields(arrived, b"X-Virus-Scanned") and fields(arrived, b"Subject") == [b"clean"]
    assert len(before.postfix.mailbox("other")) == 1


def test_before_the_queue_a_slow_scan_makes_no_second_copy(before):
    before.clamd.answer = (Sleep(2.5), verdict)
    before.deliver(message())
    assert len(before.postfix.mailbox()) == 1


def test_before_the_queue_the_sendmail_command_is_filtered_by_pickup(before):
    for content, copies in ((VIRUS, 0), (message(), 1)):
        sendmail(before.postfix, content.replace(b"\r\n", b"\n"), "alias@example.test")
        wait_for("it is scanned", lambda: len(before.clamd.scans) > copies, STARTED_SECONDS)
        wait_for("it is taken", lambda: not list((before.postfix.directory / "queue/maildrop").iterdir()))
        before.postfix.wait_settled()
        assert len(before.postfix.mailbox()) == copies


# ---- all parameters

def documented(section):
    """service -> the names of its options in the how-to."""
    return {words[0]: set(re.findall(r"-o (\w+)=", entry))
            for words, entry in services(howto(section, 10025, 10026)).items()}


def postconf():
    """All parameters of this Postfix, with their defaults."""
    if program() is None:
        pytest.skip("Postfix is needed")
    return subprocess.run([packages.find("postconf"), "-d"], stdout=subprocess.PIPE, check=True,
                          env=packages.environment()).stdout.decode()


@pytest.mark.parametrize("service, prefix", [("scan", "smtp_"), ("127.0.0.1:10026", "smtpd_")])
def test_every_parameter_is_settled(service, prefix):
    """By an option of the how-to, or by a reason to leave it alone."""
    known = postconf()
    names = re.findall(r"(?m)^(%s\w+) =" % prefix, known)
    assert len(names) > 90
    settled = documented("master.cf")[service]
    unsettled = [name for name in names if name not in settled and
                 not any(re.fullmatch(pattern, name) for pattern in site_settings.LEFT_ALONE)]
    newer = tuple(map(int, re.search(r"mail_version = (\d+)\.(\d+)", known).groups())) > (3, 7)
    if unsettled and newer:
        pytest.skip("this Postfix is newer than the how-to, and has " + " ".join(unsettled))
    assert not unsettled


def test_options_are_settings_of_postfix():
    """A misspelt one would do nothing."""
    known = postconf()
    names = set(re.findall(r"(?m)^(\w+) =", known))
    for section in ("master.cf", "Before the queue"):
        for options in documented(section).values():
            assert options <= names


def test_each_snippet_is_preceded_by_its_place():
    """The paragraph or heading before a snippet names a file, or it is a list
    of commands."""
    text = (REPOSITORY / "doc" / "postfix.md").read_text()
    for lead, first in re.findall(r"(?m)((?:^\S.*\n)+)\n    (\S.*)$", text):
        if re.match(r"\w+ = |Listen: |\S+ +(unix|inet) ", first):
            assert re.search(r"/etc/(postfix/(main|master)\.cf|clamsmtpd\.conf)`", lead), (lead, first)
