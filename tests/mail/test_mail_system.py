# SPDX-License-Identifier: BSD-3-Clause
"""
The whole mail system for real: a client gives mail to Postfix, whose content
filter is the daemon, detached and not root; real clamd judges; the daemon
gives the mail back to Postfix, and that puts it into mailboxes.
"""

import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

import clamd
import postfix
import samples
from clamsmtpd import PROGRAM, free_port, send, wait_for, write_config

if os.geteuid() != 0:
    pytest.skip("Postfix has to be started by root", allow_module_level=True)
if clamd.program() is None or postfix.program() is None:
    pytest.skip("clamd and Postfix are needed (./bootstrap packages check "
                "unpacks them)", allow_module_level=True)

HEADER = "X-Virus-Scanned: ClamAV using ClamSMTP"
NAME = "Eicar-Test-Signature.UNOFFICIAL"
INFECTED = [samples.eicar_plain, samples.eicar_base64, samples.eicar_zip]
# Where the mail comes from, as Postfix sees it and tells by XFORWARD.
FAR = "127.0.0.9"
FAR_HELO = "far.example.test"
FLUSH_TRIES = 20


class Daemon:
    """The daemon as an administrator starts and stops it."""

    def __init__(self, system, **options):
        self.spool = system.directory / "spool"
        self.pid_file = self.spool / "clamsmtpd.pid"
        self.config = system.directory / "clamsmtpd.conf"
        settings = {"Listen": "127.0.0.1:%d" % system.port,
                    "OutAddress": "127.0.0.1:%d" % system.postfix.back_port,
                    "ClamAddress": system.clamd.address,
                    "TempDirectory": self.spool,
                    "PidFile": self.pid_file,
                    "User": "nobody"}
        settings.update(options)
        write_config(self.config, **settings)
        shutil.rmtree(self.spool, ignore_errors=True)
        self.spool.mkdir(mode=0o750)
        account = pwd.getpwnam(settings["User"])
        os.chown(self.spool, account.pw_uid, account.pw_gid)
        self.pid = None
        self.start()

    def start(self):
        subprocess.run([PROGRAM, "-f", str(self.config)], check=True,
                       stdin=subprocess.DEVNULL, timeout=60)
        # The launcher has seen the daemon listen, so this is there by now.
        self.pid = int(self.pid_file.read_text())

    def running(self):
        """False also for a process that only waits for init to take note."""
        try:
            status = Path("/proc/%d/stat" % self.pid).read_text()
        except OSError:
            return False
        return status.rsplit(") ", 1)[1][0] != "Z"

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        wait_for("the daemon ends", lambda: not self.running())
        assert not self.pid_file.exists()

    def files(self):
        """What lies in the spool besides the pid file."""
        return sorted(path for path in self.spool.iterdir()
                      if path != self.pid_file)


class System:
    """Postfix and clamd, and the daemon of the moment between them."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.clamd = clamd.PrivateClamd(directory / "clamd")
        self.postfix = postfix.Postfix(directory / "postfix", self.port)
        self.daemon = None

    def run(self, **options):
        self.daemon = Daemon(self, **options)
        return self.daemon

    def post(self, content, **envelope):
        """Gives a message to Postfix; returns its queue id."""
        reply = send(self.postfix.port, content, source=FAR, helo=FAR_HELO,
                     **envelope)
        found = re.fullmatch(r"250 2\.0\.0 Ok: queued as (\w+)", reply)
        assert found, reply
        return found.group(1)

    def deliver(self, content, **envelope):
        """The same, and returns when all is settled."""
        self.postfix.wait_settled(self.post(content, **envelope))

    def flush(self):
        """Lets Postfix try again until nothing is left."""
        for _ in range(FLUSH_TRIES):
            self.postfix.flush()
            try:
                self.postfix.wait_settled(seconds=3)
                return
            except AssertionError:
                pass
        raise AssertionError("there is still mail in the queue")


@pytest.fixture(scope="module")
def services():
    directory = Path(tempfile.mkdtemp(prefix="clamsmtp-mail-"))
    directory.chmod(0o755)
    system = System(directory)
    try:
        system.clamd.start()
        system.postfix.start()
        yield system
    finally:
        system.postfix.stop()
        system.clamd.stop()
        shutil.rmtree(directory)


@pytest.fixture
def system(services):
    yield services
    services.postfix.clear()
    daemon = services.daemon
    if daemon is not None and daemon.running():
        daemon.stop()
        # Nothing of a message may be left in the spool, but what the
        # administrator wants there.
        assert not [path for path in daemon.files()
                    if path.name.startswith("clamsmtpd.")]


def test_detached_as_user_and_stopped_by_pid_file(system):
    daemon = system.run()
    status = dict(re.findall(r"(\w+):\s*(.*)\n", Path(
        "/proc/%d/status" % daemon.pid).read_text()))
    account = pwd.getpwnam("nobody")
    assert status["Uid"].split() == [str(account.pw_uid)] * 4
    assert status["Gid"].split() == [str(account.pw_gid)] * 4
    assert set(status["Groups"].split()) <= {str(account.pw_gid)}
    assert os.getsid(daemon.pid) != os.getsid(0)
    daemon.stop()


def test_clean_message_arrives_once_with_the_header(system):
    system.run()
    system.deliver(samples.clean())
    arrived, = system.postfix.mailbox()
    head, body = arrived.decode().split("\n\n", 1)
    assert head.split("\n").count(HEADER) == 1
    assert body == "Nothing but words.\n.a line with a dot\n"


def test_eight_bit_and_long_lines_arrive_as_sent(system):
    system.run()
    body = bytes(range(128, 256)) + b"\r\n" + b"x" * 5000 + b"\r\n"
    system.deliver(samples.message("8 bit", body, extra=(
        "MIME-Version: 1.0", "Content-Type: text/plain; charset=iso-8859-1",
        "Content-Transfer-Encoding: 8bit")))
    arrived, = system.postfix.mailbox()
    # Postfix itself folds what is longer than 998 octets.
    unfolded = arrived.split(b"\n\n", 1)[1].replace(b"\n ", b"")
    assert unfolded == body.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("sample", INFECTED)
def test_drop(system, sample):
    system.run(Action="drop")
    system.deliver(sample())
    assert system.postfix.mailbox() == []
    assert system.postfix.mailbox("sender") == []


@pytest.mark.parametrize("sample", INFECTED)
def test_bounce(system, sample):
    system.run(Action="bounce")
    system.deliver(sample())
    assert system.postfix.mailbox() == []
    returned, = system.postfix.mailbox("sender")
    assert b"550 5.7.1 Virus Detected; Content Rejected" in \
        returned.replace(b"\n    ", b" ")


@pytest.mark.parametrize("sample", INFECTED)
def test_pass(system, sample):
    system.run(Action="pass")
    system.deliver(sample())
    arrived, = system.postfix.mailbox()
    head = arrived.split(b"\n\n", 1)[0].decode().split("\n")
    assert head.count("X-Virus-Infected: Virus Detected!") == 1
    assert HEADER not in head


@pytest.mark.parametrize("mode, user", [("stream", "nobody"),
                                        ("scan", clamd.user())])
def test_scan_mode(system, mode, user):
    """Mode scan needs files that clamd may read: the same user here."""
    system.run(ScanMode=mode, User=user)
    system.deliver(samples.clean())
    system.deliver(samples.eicar_zip())
    assert len(system.postfix.mailbox()) == 1


@pytest.mark.parametrize("action, delivered", [("drop", 0), ("pass", 1)])
def test_quarantine(system, action, delivered):
    daemon = system.run(Quarantine="on", Action=action)
    system.deliver(samples.eicar_base64())
    system.deliver(samples.clean())
    kept, = daemon.files()
    assert re.fullmatch(r"virus\.\w{6}", kept.name)
    assert not kept.stat().st_mode & stat.S_IRWXO
    # What Postfix gave to the daemon: the message under a Received field.
    octets = kept.read_bytes()
    assert octets.startswith(b"Received: from " + FAR_HELO.encode())
    assert octets.endswith(samples.eicar_base64())
    assert len(system.postfix.mailbox()) == delivered + 1


def test_virus_action_knows_who_and_what(system):
    report = system.directory / "spool" / "report"
    daemon = system.run(Quarantine="on", VirusAction="env -0 > %s.new; "
                        "mv %s.new %s" % (report, report, report))
    recipients = ["other@example.test", "recipient@example.test"]
    system.deliver(samples.eicar_plain(), recipients=recipients)
    wait_for("the report of VirusAction", report.exists)
    told = dict(pair.split("=", 1) for pair in
                report.read_text().split("\0") if pair)
    kept, = [path for path in daemon.files() if path != report]
    # Postfix decides on the order of the recipients.
    told["RECIPIENTS"] = sorted(told["RECIPIENTS"].split("\n"))
    for name, value in {
            "SENDER": "sender@example.test", "RECIPIENTS": recipients,
            "VIRUS": NAME, "EMAIL": str(kept), "TMPDIR": str(daemon.spool),
            "CLIENT": "127.0.0.1", "SERVER": "127.0.0.1",
            "REMOTE": FAR, "REMOTE_HELO": FAR_HELO}.items():
        assert told.get(name) == value, name
    for recipient in recipients:
        assert system.postfix.mailbox(recipient.split("@")[0]) == []


def test_xclient_tells_postfix_the_true_client(system):
    system.run(XClient="on")
    reply = send(system.port, samples.clean(), source=FAR)
    queue_id = re.search(r"queued as (\w+)", reply).group(1)
    system.postfix.wait_settled(queue_id)
    assert "%s: client=unknown[%s]" % (queue_id, FAR) in system.postfix.log()
    assert len(system.postfix.mailbox()) == 1


def numbered(count):
    """Messages of which each fourth is infected, and what has to arrive."""
    contents, wanted = [], []
    for number in range(count):
        subject = "number %d" % number
        if number % 4 == 3:
            contents.append(samples.message(subject, samples.EICAR + b"\r\n"))
        else:
            contents.append(samples.message(subject, b"text\r\n"))
            wanted.append(subject)
    return contents, sorted(wanted)


def subjects(mailbox):
    return sorted(re.search(rb"(?m)^Subject: (.*)$", octets).group(1).decode()
                  for octets in mailbox)


def test_clamd_stopped_and_started_again(system):
    system.run()
    contents, wanted = numbered(8)
    system.clamd.stop()
    try:
        ids = [system.post(content) for content in contents]
        wait_for("all mail deferred", lambda:
                 system.postfix.deferred() == len(ids))
        assert "(host 127.0.0.1[127.0.0.1] said: 451 4.3.0 Local Error" in \
            system.postfix.log()
        assert system.postfix.mailbox() == []
    finally:
        system.clamd.start()
    system.flush()
    assert subjects(system.postfix.mailbox()) == wanted


def test_daemon_and_clamd_restarted_under_load(system):
    """Nothing is lost, nothing comes twice, nothing infected comes."""
    daemon = system.run()
    contents, wanted = numbered(40)
    for number, content in enumerate(contents):
        system.post(content)
        if number in (8, 24):
            daemon.stop()
        elif number in (12, 28):
            daemon.start()
        elif number == 16:
            system.clamd.stop()
        elif number == 20:
            system.clamd.start()
    system.flush()
    assert subjects(system.postfix.mailbox()) == wanted
