# SPDX-License-Identifier: BSD-3-Clause
"""
doc/lmtp.md: its files as they are written there but for ports and directories,
with a main.cf full of settings that are meant for the world, and an LMTP server
that judges each recipient by itself.
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
from clamsmtpd import PROGRAM, REPOSITORY, send, wait_for
from postfix import Postfix, program
from samples import EICAR

sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))

from rig import CLOSE, Daemon, FakeClamd, FakeServer, Sleep, free_port  # noqa: E402

if os.geteuid() != 0:
    pytest.skip("Postfix has to be started by root", allow_module_level=True)
if program() is None:
    pytest.skip("there is no Postfix (./bootstrap packages check)", allow_module_level=True)

SECONDS = 20
ALL = ["recipient@example.test", "other@example.test"]
YES, NO, LATER = b"250 2.0.0 saved\r\n", b"550 5.2.1 closed\r\n", b"452 4.2.2 full\r\n"
# Why those are left alone that postfix.md settles for a hop between two queues.
OF_THE_DELIVERY = (r"lmtp_(generic_maps|header_checks|mime_header_checks|nested_header_checks|body_checks|"
                   r"line_length_limit|quote_rfc821_envelope|send_xforward_command|xforward_timeout|"
                   r"send_dummy_mail_auth|lhlo_name|assume_final|sasl_\w+)")


def files():
    """path -> what the how-to tells to write there."""
    text = (REPOSITORY / "doc" / "lmtp.md").read_text()
    return {path: re.sub("(?m)^    ", "", code) for path, code in
            re.findall(r"(?m)^In `(/\S+)`:\n\n((?:^    .*\n)+)", text)}


def for_lmtp(name):
    return name.replace("smtp_", "lmtp_").replace("ehlo", "lhlo")


def postconf():
    """All names of parameters of lmtp(8)."""
    said = subprocess.run([packages.find("postconf"), "-d"], stdout=subprocess.PIPE, check=True,
                          env=packages.environment()).stdout.decode()
    return re.findall(r"(?m)^(lmtp_\w+) =", said)


def world(**values):
    """Of site_settings what lmtp(8) has too, under its names."""
    known = set(postconf())
    lines = [for_lmtp(line) for line in site_settings.CLIENT.format(**values).split("\n") if line.startswith("smtp_")]
    return "".join(line + "\n" for line in lines if line.split()[0] in known and
                   not re.fullmatch(OF_THE_DELIVERY, line.split()[0]))


class Site(Postfix):
    def __init__(self, directory, filter_port, trap):
        super().__init__(directory, filter_port)
        self.world = world(trap=trap, dead=free_port())

    def additions(self, name):
        ours = self.world if name == "main.cf" else "127.0.0.1:%d inet n - n - - smtpd\n" % self.back_port
        return ours + files()["/etc/postfix/" + name].replace("10025", str(self.filter_port))


class System:
    def __init__(self, directory):
        self.clamd = FakeClamd(path=str(directory / "clamd"))
        self.server, self.trap = FakeServer(), FakeServer()
        self.filter_port = free_port()
        self.postfix = Site(directory / "postfix", self.filter_port, self.trap.port)
        options = dict(re.findall(r"(?m)^(\w+): (.*)$", files()["/etc/clamsmtpd.conf"]))
        options = {name: value for name, value in options.items() if name in ("Action", "KeepAlives")}
        self.daemon = Daemon(directory, self.clamd, self.server, start=False,
                             Listen="127.0.0.1:%d" % self.filter_port, **options)
        self.postfix.start()

    def clear(self):
        self.postfix.clear()
        self.server.clear()
        self.server.lmtp = True
        self.answers = {}
        self.server.on("EHLO", b"500 5.5.1 LHLO, please\r\n")
        self.server.on(".", self.judge)
        self.clamd.clear()
        self.clamd.answer = found
        if not self.daemon.alive():
            self.daemon.start()

    def judge(self, connection, _):
        rcpts = connection.messages[-1].rcpts
        return b"".join(self.answers.get(rcpt[9:-1].decode(), YES) for rcpt in rcpts)

    def post(self, subject=b"clean", body=b"text", recipients=ALL):
        said = send(self.postfix.port, b"Subject: %s\r\n\r\n%s\r\n" % (subject, body), recipients=recipients)
        assert said.startswith("250"), said

    def taken(self):
        """(recipients, message) of what the LMTP server was shown."""
        return [(sorted(rcpt[9:-1].decode() for rcpt in m.rcpts), m.content) for m in self.server.messages]

    def stop(self):
        self.postfix.stop()
        self.daemon.stop()
        for fake in (self.clamd, self.server, self.trap):
            fake.stop()


def found(scan, _=None):
    return b"stream: Eicar-Signature FOUND\n" if EICAR in scan.data else b"stream: OK\n"


@pytest.fixture(scope="module")
def shared():
    directory = Path(tempfile.mkdtemp(prefix="clamsmtpd-howto."))
    directory.chmod(0o755)
    system = System(directory)
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


def test_a_message_arrives_once(system):
    system.post()
    system.postfix.wait_settled()
    (recipients, content), = system.taken()
    assert recipients == sorted(ALL)
    assert b"X-Virus-Scanned: " in content
    assert len(system.clamd.scans) == 1


def test_a_slow_scan_makes_no_second_copy(system):
    system.clamd.answer = (Sleep(1.5), found)
    system.post()
    system.postfix.wait_settled()
    assert len(system.clamd.scans) == len(system.taken()) == 1


def test_a_virus_does_not_arrive(system):
    system.post(b"virus", EICAR)
    system.postfix.wait_settled()
    assert len(system.clamd.scans) == 1 and system.taken() == []
    assert "250 Virus Detected; Discarded Email" in system.postfix.log()


def test_some_are_refused_at_the_dot(system):
    system.answers = {"other@example.test": NO}
    system.post()
    system.postfix.wait_settled()
    (_, first), (returned_to, notice) = system.taken()
    assert b"Subject: clean" in first
    assert returned_to == ["sender@example.test"]
    assert re.findall(rb"Final-Recipient: rfc822; (\S+)", notice) == [b"other@example.test"]
    assert any(line.endswith("refused=1/2") or "refused=1/2," in line for line in system.daemon.log_lines)


def test_some_are_put_off_at_the_dot(system):
    system.answers = {"other@example.test": LATER}
    system.post()
    wait_for("it is deferred", lambda: system.postfix.deferred() == 1, SECONDS)
    system.answers = {}
    system.postfix.flush()
    system.postfix.wait_settled()
    assert [recipients for recipients, _ in system.taken()] == [sorted(ALL), ["other@example.test"]]


def test_mail_waits_for_the_filter(system):
    system.daemon.stop()
    try:
        system.post()
        system.post(b"virus", EICAR)
        wait_for("both are deferred", lambda: system.postfix.deferred() == 2, SECONDS)
    finally:
        system.daemon.start()
    assert system.taken() == []
    system.postfix.flush()
    system.postfix.wait_settled()
    (_, content), = system.taken()
    assert b"Subject: clean" in content


def test_mail_waits_for_clamd(system):
    system.clamd.answer = CLOSE
    system.post()
    wait_for("it is deferred", lambda: system.postfix.deferred() == 1, SECONDS)
    assert system.taken() == []
    system.clamd.answer = found
    system.postfix.flush()
    system.postfix.wait_settled()
    assert len(system.taken()) == 1


def test_the_sendmail_command_is_filtered(system):
    done = subprocess.run([packages.find("sendmail"), "-C", str(system.postfix.config), "-i", *ALL],
                          input=b"Subject: virus\n\n" + EICAR + b"\n", env=packages.environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0, done.stdout
    wait_for("it is scanned", lambda: system.clamd.scans, SECONDS)
    system.postfix.wait_settled()
    assert system.taken() == []


def test_every_parameter_is_settled():
    """By an option of the how-to, or by a reason to leave it alone."""
    settled = re.findall(r"-o (\w+)=", files()["/etc/postfix/master.cf"])
    known = postconf()
    assert set(settled) <= set(known)
    patterns = [OF_THE_DELIVERY] + [for_lmtp(pattern) for pattern in site_settings.LEFT_ALONE]
    assert not [name for name in known if name not in settled and
                not any(re.fullmatch(pattern, name) for pattern in patterns)]


def test_the_configuration_is_one():
    """What the other tests do not use of it: it is accepted as it is written."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(re.sub(r"(?m)^(TempDirectory|User|PidFile|ClamAddress): .*\n", "", files()["/etc/clamsmtpd.conf"]))
        f.flush()
        subprocess.run([PROGRAM, "-n", "-f", f.name], check=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
