# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""doc/examples/virus-action.sh: what it mails, whatever the sender chose."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from rig import INFECTED, OURS, wait_until

SCRIPT = Path(__file__).resolve().parents[2] / "doc" / "examples" / "virus-action.sh"
ADMIN = "admin@example.org"
ARGUMENTS = "\n".join(["-i", "-f", "<>", "--", ADMIN]) + "\n"
SENDMAIL = """#!/bin/sh
printf '%s\\n' "$@" >"$0.args.new"
cat >"$0.mail"
mv "$0.args.new" "$0.args"
"""
HOSTILE = ["$(touch owned)", "`touch owned`", "; touch owned;", "-oQ/tmp", "--", "'\"; touch owned #", "%s%n\\n\\c",
           "*", "a\n.\nb", "a\n\nBcc: all@example.org", "a\rBcc: all@example.org", "\x1b]0;title\x07", "\xe9",
           "x" * 100000, "\n".join("r%d@example.net" % i for i in range(5000))]
FACTS = ["SENDER", "RECIPIENTS", "VIRUS", "REMOTE", "EMAIL"]


@pytest.fixture
def sendmail(tmp_path):
    """A program in its place, that keeps its arguments and what it is given."""
    path = tmp_path / "sendmail"
    path.write_text(SENDMAIL)
    path.chmod(0o755)
    return path


def run(sendmail, arguments=(ADMIN,), **facts):
    environment = {"PATH": os.environ["PATH"], "SENDMAIL": str(sendmail)}
    environment.update((name, value.encode("latin-1")) for name, value in facts.items())
    done = subprocess.run([str(SCRIPT), *arguments], env=environment, cwd=sendmail.parent, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, b"")


def written(sendmail, suffix):
    return Path(str(sendmail) + suffix).read_bytes().decode("latin-1")


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_words_do_nothing(sendmail, number):
    run(sendmail, **dict.fromkeys(FACTS, HOSTILE[number]))
    assert {path.name for path in sendmail.parent.iterdir()} == {"sendmail", "sendmail.args", "sendmail.mail"}
    assert written(sendmail, ".args") == ARGUMENTS
    header, body = written(sendmail, ".mail").split("\n\n", 1)
    assert header.split("\n") == ["To: " + ADMIN, "Subject: clamsmtpd found a virus",
                                  "Auto-Submitted: auto-generated"]
    lines = body.rstrip("\n").split("\n")
    assert [line for line in lines if not line.startswith("  ")] == [
        "Virus:", "Sender (may be forged):", "Recipients:", "Came from:", "Kept as:"]
    assert len(lines) <= 5 * 51 and max(map(len, lines)) <= 510
    assert all(" " <= letter <= "~" for letter in "".join(lines))
    if number < 8:
        assert lines.count("  " + HOSTILE[number]) == 5


def test_what_is_not_known(sendmail):
    run(sendmail, VIRUS="Eicar", RECIPIENTS="one@example.net\ntwo@example.net", CLIENT="192.0.2.1")
    body = written(sendmail, ".mail").split("\n\n", 1)[1]
    assert body == ("Virus:\n  Eicar\nSender (may be forged):\n  <>\nRecipients:\n  one@example.net\n"
                    "  two@example.net\nCame from:\n  192.0.2.1\nKept as:\n  nothing (Quarantine is off)\n")


def test_the_postmaster_is_told_by_default(sendmail):
    run(sendmail, arguments=(), VIRUS="Eicar")
    assert written(sendmail, ".args").endswith("--\npostmaster\n")


@pytest.mark.parametrize("facts, told", [
    ({"RECIPIENTS": ADMIN, "SENDER": "<>"}, False),
    ({"RECIPIENTS": "postmaster@example.org", "SENDER": "<>"}, True),
    ({"RECIPIENTS": ADMIN, "SENDER": "a@example.org"}, True),
    ({"RECIPIENTS": ADMIN + "\nb@example.org", "SENDER": "<>"}, True)])
def test_no_notice_of_a_notice(sendmail, facts, told):
    run(sendmail, **facts)
    assert Path(str(sendmail) + ".args").exists() == told


@pytest.mark.skipif(not OURS, reason="the script goes with this version")
def test_by_the_daemon(make, sendmail):
    sendmail.parent.chmod(0o777)
    r = make(start=False, env={"SENDMAIL": str(sendmail)}, Quarantine="on")
    r.daemon.options["VirusAction"] = "%s %s" % (shlex.quote(str(SCRIPT)), ADMIN)
    r.daemon.start()
    with r.client() as c:
        c.mail(INFECTED, rcpts=[b"one@example.net", b"$(id)@example.net"])
    wait_until(lambda: Path(str(sendmail) + ".args").exists(), "the notice")
    assert written(sendmail, ".args") == ARGUMENTS
    for line in ("a@example.org", "$(id)@example.net", "Eicar-Test-Signature", *r.daemon.virus_files()):
        assert "\n  %s\n" % line in written(sendmail, ".mail")


@pytest.mark.skipif(not OURS, reason="the script goes with this version")
def test_the_daemon_tells_of_no_notice(make, sendmail):
    sendmail.parent.chmod(0o777)
    r = make(start=False, env={"SENDMAIL": str(sendmail)})
    done = sendmail.parent / "done"
    r.daemon.options["VirusAction"] = "%s %s; : >%s" % (shlex.quote(str(SCRIPT)), ADMIN, shlex.quote(str(done)))
    r.daemon.start()
    with r.client() as c:
        c.mail(INFECTED, sender=b"", rcpts=[ADMIN.encode()])
    wait_until(done.exists, "the virus action")
    assert not Path(str(sendmail) + ".args").exists()
