# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""doc/quarantine.md and doc/examples/release.sh: what they tell to do, as it stands
there, with paths and ports of the test's own."""

import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from rig import INFECTED, OURS, WAIT, wait_until

DOC = Path(__file__).resolve().parents[2] / "doc"
RELEASE = DOC / "examples" / "release.sh"
CONTENT = b".A: b\r\n\r\n.dot\r\n..\0\xff \r\nINFECTED:One\r\n\r\n" + b"x" * 5000 + b"\r\n"
HOSTILE = [b"$(touch owned)@example.net", b"`id`@example.net", b"-o@example.net", b"'\";|&#@example.net",
           b"\"a b, c\"@example.net", b"{x,y}[1-3]@example.net", b"@/etc/passwd@example.net", b"\xc3\xa9@example.net",
           b"*", b"%0d%0a@example.net"]

pytestmark = pytest.mark.skipif(not OURS, reason="the document goes with this version")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl (package curl)")


def snippet(word):
    """The one that has this in it; each stands behind words of what it is for."""
    text = (DOC / "quarantine.md").read_text()
    found = [re.sub("(?m)^    ", "", block) for block in re.findall(r"(?m)(?:^    .*\n)+", text)]
    block, = (b for b in found if word in b)
    return block


def sh(command, directory, code=0):
    done = subprocess.run(["sh", "-c", command], cwd=directory, timeout=WAIT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == code, done.stdout
    return done.stdout.decode("latin-1")


@pytest.fixture
def kept(make, tmp_path):
    """A function that has a message quarantined under the document's settings:
    returns the rig and the file."""
    r = make(**dict(re.findall(r"(?m)^(\w+): (.*)$", snippet("VirusAction: "))))

    def keep(content=INFECTED, **envelope):
        with r.client() as c:
            assert c.mail(content, **envelope)[:3] == b"250"
        file, = (f for f in r.daemon.virus_files() if not f.endswith(".envelope"))
        wait_until(lambda: os.path.exists(file + ".envelope") and os.path.getsize(file + ".envelope"), "the envelope")
        assert not r.server.messages
        return r, file
    return keep


def here(command, r, file):
    command = command.replace("127.0.0.1:10026", r.server.address)
    command = command.replace("/usr/local/lib/clamsmtpd/release.sh", shlex.quote(str(RELEASE)))
    assert "/var/spool/clamsmtp/virus.AbC123" in command
    return command.replace("/var/spool/clamsmtp/virus.AbC123", shlex.quote(file))


@needs_curl
@pytest.mark.parametrize("word, rcpts", [
    ("curl -q", [b"bob@example.net", b"carol@example.net"]),
    ("release.sh /var", [b"bob@example.net"])], ids=["by hand", "by the script"])
def test_a_release_is_the_message_once(kept, tmp_path, word, rcpts):
    r, file = kept(CONTENT, sender=b"ann@example.org", rcpts=rcpts)
    sh(here(snippet(word), r, file), tmp_path)
    message, = r.server.messages
    assert message.content == CONTENT
    assert message.mail.split(b" SIZE=")[0] == b"MAIL FROM:<ann@example.org>"
    assert message.rcpts == [b"RCPT TO:<%s>" % rcpt for rcpt in rcpts]
    assert os.path.exists(file) == (word == "curl -q")


@needs_curl
def test_hostile_addresses_do_nothing(kept, tmp_path):
    before = set(os.listdir(tmp_path))
    for sender in (HOSTILE[0], HOSTILE[2], b""):
        r, file = kept(sender=sender, rcpts=HOSTILE)
        sh(here(snippet("release.sh /var"), r, file), tmp_path)
        message = r.server.messages.pop()
        assert message.mail.split(b" SIZE=")[0] == b"MAIL FROM:<%s>" % sender
        assert message.rcpts == [b"RCPT TO:<%s>" % rcpt for rcpt in HOSTILE]
        assert message.content == INFECTED
        assert not r.daemon.virus_files() and set(os.listdir(tmp_path)) == before


@needs_curl
@pytest.mark.parametrize("step, reply", [("RCPT", b"450 4.2.0 later\r\n"), (".", b"451 4.3.0 later\r\n")])
def test_what_is_not_taken_stays(kept, tmp_path, step, reply):
    r, file = kept()
    r.server.on(step, reply)
    command = here(snippet("release.sh /var"), r, file)
    with pytest.raises(AssertionError):
        sh(command, tmp_path)
    assert sorted(r.daemon.virus_files()) == [file, file + ".envelope"]
    if step == "RCPT":
        assert not r.server.messages


@needs_curl
@pytest.mark.parametrize("envelope", [b"", b"<>", b"<>\n", b"<>\nbob@example.net\ncarol@exam"])
def test_an_envelope_that_breaks_off_releases_nothing(kept, tmp_path, envelope):
    """The disk was full, or the virus action has not ended.  Some servers say 214 to what curl asks
    where there is no recipient."""
    r, file = kept()
    r.server.on("HELP", b"214 2.0.0 so be it\r\n")
    Path(file + ".envelope").write_bytes(envelope)
    with pytest.raises(AssertionError):
        sh(here(snippet("release.sh /var"), r, file), tmp_path)
    assert sorted(r.daemon.virus_files()) == [file, file + ".envelope"]
    assert not r.server.messages


def test_the_envelope_is_found_in_the_log(kept, tmp_path):
    r, file = kept(rcpts=[b"bob@example.net"])
    with r.client() as c:
        c.mail(sender=b"other@example.org")
    r.daemon.wait_log("status=CLEAN")
    log = tmp_path / "mail.log"
    log.write_text("".join("Nov 28 host clamsmtpd: %s\n" % l for l in r.daemon.log_lines))
    command = snippet("| grep -m 1").replace("/var/log/mail.log", str(log))
    said = sh(command.replace("AbC123", file[-6:]), tmp_path)
    assert re.search(r": from=a@example\.org, to=bob@example\.net, status=VIRUS:[^\n]*\n$", said)
    # As the document shows it.
    assert "quarantined virus file as: /var/spool/clamsmtp/virus.AbC123\n" in snippet("clamsmtpd: 100004: from=")
    with open(file, "rb") as f:
        assert f.read() == INFECTED


def test_old_ones_are_removed(kept, tmp_path):
    r, file = kept()
    spool = Path(r.daemon.spool)
    for name in ("virus.old123", "virus.old123.envelope", "clamsmtpd.old"):
        (spool / name).touch()
        os.utime(spool / name, (time.time() - 40 * 86400,) * 2)
    script = snippet("-mtime").replace("/var/spool/clamsmtp", shlex.quote(str(spool)))
    assert script.startswith("#!/bin/sh\n")
    sh(script, tmp_path)
    assert set(map(str, spool.iterdir())) == {file, file + ".envelope", str(spool / "clamsmtpd.old")}
    (spool / "clamsmtpd.old").unlink()


def test_only_owner_and_group_may_read(kept):
    _, file = kept()
    assert os.stat(file).st_mode & 0o777 == 0o640


def test_its_text_is_shown_and_nothing_unpacked(kept, tmp_path):
    if shutil.which("less") is None:
        pytest.skip("there is no less")
    r, file = kept()
    command, = (l for l in snippet("LESSOPEN=").splitlines() if "less" in l)
    assert "INFECTED:" in sh(here(command, r, file), tmp_path)


def test_the_rule_of_the_document(make):
    option, value = snippet("VirusRule: ").strip().split(": ", 1)
    r = make(Action="bounce", **{option: value.replace("Eicar-Signature", "Eicar-Test-Signature")})
    with r.client() as c:
        assert c.mail(INFECTED)[:3] == b"250"
    assert b"X-Virus-Infected: " in r.server.messages[0].content
