# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The content: what clamd is shown, what the server gets, and what ends it."""

import os
import resource
import shutil

import pytest

from conftest import new_directory
from rig import CLOSE, CONTENT, LOCAL_ERROR, QUEUED, RESET, START_DATA, Rig, stuff, wait_until

OPTIONS = {"Header": ""}


def shown(scan):
    """What clamd saw behind the scan-only first line."""
    first, _, rest = scan.data.partition(b"\r\n")
    assert first.startswith(b"Received:"), first
    return rest


# On the wire from the client (without the final dot) and as content.
WIRE = [
    (b"", b""),
    (b"\r\n", b"\r\n"),
    (b"a\r\n", b"a\r\n"),
    (b"..\r\n", b".\r\n"),
    (b".x\r\n", b"x\r\n"),
    (b"..x\r\n...\r\n", b".x\r\n..\r\n"),
    (b"a\r\n..b\r\n", b"a\r\n.b\r\n"),
    (b". \r\n", b" \r\n"),
    (b"a\0b\r\n\0\r\nc\r\n", b"a\0b\r\n\0\r\nc\r\n"),
    (bytes(range(128, 256)) + b"\r\n", bytes(range(128, 256)) + b"\r\n"),
    (b"\x01\x1b\x7f\t\r\n", b"\x01\x1b\x7f\t\r\n"),
    # stray line ends
    (b"a\nb\r\n", b"a\r\nb\r\n"),
    (b"a\rb\r\n", b"a b\r\n"),
    (b"a\r\r\n", b"a \r\n"),
    (b"\n\r\n", b"\r\n\r\n"),
    # what others take for an end of data
    (b"x\n.\ny\r\n", b"x\r\n.\r\ny\r\n"),
    (b"x\n.\r\ny\r\n", b"x\r\n.\r\ny\r\n"),
    (b"x\r.\ry\r\n", b"x . y\r\n"),
    (b"x\r\n.\ny\r\n", b"x\r\n\r\ny\r\n"),
    (b"x\r\n.\ry\r\n", b"x\r\n y\r\n"),
    (b"x\r.\r\ny\r\n", b"x .\r\ny\r\n"),
    (b"x\r\n.\0\r\ny\r\n", b"x\r\n\0\r\ny\r\n"),
    (b"x\r\n. \r\ny\r\n", b"x\r\n \r\ny\r\n"),
    (b"x\r\n.\r\r\ny\r\n", b"x\r\n \r\ny\r\n"),
    (b"x\n..\ny\r\n", b"x\r\n..\r\ny\r\n"),
    (b"x\r\n\0\n.\r\0\n\nMAIL FROM:<e@f>\r\n", b"x\r\n\0\r\n. \0\r\n\r\nMAIL FROM:<e@f>\r\n"),
]


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("wire, content", WIRE, ids=[repr(w)[1:30] for w, _ in WIRE])
def test_content(rig, wire, content, one_by_one):
    with rig.client() as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        if one_by_one:
            for octet in wire + b".\r\n":
                c.send(bytes([octet]))
        else:
            c.send(wire + b".\r\n")
        assert c.reply() == QUEUED
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    message = rig.server.wait_messages(1)
    assert message.raw == stuff(content)
    assert shown(rig.clamd.scans[0]) == content
    assert rig.server.connections[0].asked == ["MAIL", "RCPT", "DATA", "NOOP"]


@pytest.mark.parametrize("content", [
    b"x" * 1000000 + b"\r\n",
    b"Subject: long\r\n\r\n" + b"0123456789" * 7 + b"\r\n" + b"..\r\n" * 100000,
    b"".join(b"%d " % n * 20 + b"\r\n" for n in range(40000)),
], ids=["one line", "dots", "lines"])
def test_large_content(rig, content):
    with rig.client() as c:
        assert c.mail(content) == QUEUED
    assert rig.server.wait_messages(1).content == content
    assert shown(rig.clamd.scans[0]) == content


def test_commands_behind_the_dot(rig):
    rig.server.keywords = [b"PIPELINING"]
    with rig.client() as c:
        c.ehlo()
        c.envelope()
        c.send(b"DATA\r\n")
        assert c.reply() == START_DATA
        c.send(CONTENT + b".\r\nNOOP one\r\nNOOP two\r\n")
        assert c.reply() == QUEUED
        assert c.reply() + c.reply() == b"250 2.0.0 noop\r\n" * 2
    assert rig.server.messages[0].content == CONTENT
    assert rig.server.commands[-2:] == [b"NOOP one\r\n", b"NOOP two\r\n"]


def test_data_is_normalised(rig):
    with rig.client() as c:
        c.envelope()
        assert c.cmd(b"  dAtA with arguments") == START_DATA
        c.send(CONTENT + b".\r\n")
        assert c.reply() == QUEUED
    assert rig.server.commands[-1] == b"DATA\r\n"


def test_the_server_is_asked_only_after_the_scan(rig):
    with rig.client() as c:
        with rig.held(c):
            assert rig.server.connections[0].verbs == ["MAIL", "RCPT"]
        assert c.reply() == QUEUED


def test_data_without_a_transaction(rig):
    with rig.client() as c:
        assert c.cmd(b"DATA") == b"503 Need MAIL and RCPT before DATA\r\n"
        c.cmd(b"MAIL FROM:<a@b>")
        assert c.cmd(b"DATA") == b"503 Need MAIL and RCPT before DATA\r\n"
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert rig.server.connections[0].asked == ["MAIL", "NOOP"]


def test_data_with_no_accepted_recipient(rig):
    rig.server.on("RCPT", [b"550 no\r\n", b"450 no\r\n", b"250 ok\r\n"])
    with rig.client() as c:
        c.cmd(b"MAIL FROM:<a@b>")
        c.cmd(b"RCPT TO:<c@d>")
        c.cmd(b"RCPT TO:<e@f>")
        assert c.cmd(b"DATA") == b"554 No valid recipients\r\n"
        c.cmd(b"RCPT TO:<g@h>")
        assert c.data() == QUEUED
    assert rig.server.connections[0].asked == ["MAIL", "RCPT", "RCPT", "RCPT", "DATA"]


def test_data_after_a_message_needs_another_transaction(rig):
    with rig.client() as c:
        assert c.mail() == QUEUED
        assert c.cmd(b"DATA")[:3] == b"503"
        c.envelope()
        c.cmd(b"RSET")
        assert c.cmd(b"DATA")[:3] == b"503"


@pytest.mark.parametrize("reply", [
    b"554 no\r\n", b"451 later\r\n", b"450-one\r\n450 two\r\n",
])
def test_the_server_refuses_data(rig, reply):
    rig.server.on("DATA", [reply, None])
    with rig.client() as c:
        assert c.mail() == reply
        first = reply.split(b"\r\n")[0].decode()
        assert rig.summary() == ("from=a@example.org, to=b@example.net, "
                                 "status=SERVER-REFUSED, reply=" + first)
        # The refused envelope is gone without the client's help.
        assert c.mail(rcpts=[b"next@example.net"]) == QUEUED
    assert [m.rcpts for m in rig.server.messages] == [[b"RCPT TO:<next@example.net>"]]
    assert rig.server.connections[0].asked == ["MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("reply", [b"250 odd\r\n", b"350 odd\r\n"])
def test_no_success_without_a_message(rig, reply):
    rig.server.on("DATA", reply)
    with rig.client() as c:
        assert c.mail() == LOCAL_ERROR
        c.expect_eof()
    assert rig.summary().endswith("status=SERVER-ERROR")


def test_a_354_of_several_lines(rig):
    rig.server.on("DATA", b"354-one\r\n354-two\r\n354 three\r\n")
    with rig.client() as c:
        assert c.mail() == QUEUED
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert rig.server.messages[0].content == CONTENT


@pytest.mark.parametrize("reply, status", [
    (b"250 fine\r\n", "CLEAN"),
    (b"250-2.0.0 one\r\n250 2.0.0 two\r\n", "CLEAN"),
    (b"550 5.7.1 spam\r\n", "SERVER-REFUSED, reply=550 5.7.1 spam"),
    (b"451-4.0.0 one\r\n451 4.0.0 two\r\n", "SERVER-REFUSED, reply=451-4.0.0 one"),
])
def test_the_final_reply_is_the_servers(rig, reply, status):
    rig.server.on(".", reply)
    with rig.client() as c:
        assert c.mail() == reply
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
    assert rig.summary() == "from=a@example.org, to=b@example.net, status=" + status


@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("step", ["DATA", "body", "."])
def test_the_server_goes_away(rig, step, end):
    rig.server.on(step, end)
    content = CONTENT + b"x" * 70 + b"\r\n" * 100000
    with rig.client() as c:
        assert c.mail(content) == LOCAL_ERROR
        c.expect_eof()
    assert rig.summary() == "from=a@example.org, to=b@example.net, status=SERVER-ERROR"
    rig.server.clear()
    with rig.client() as c:
        assert c.mail() == QUEUED


def test_the_server_goes_away_during_the_scan(rig):
    with rig.client() as c:
        with rig.held(c):
            rig.server.connections[0].sock.shutdown(2)
        assert c.reply() == LOCAL_ERROR
        c.expect_eof()
    assert not rig.server.messages


def test_a_421_to_the_final_dot_passes(rig):
    rig.server.on(".", (b"421 4.3.0 going down\r\n", CLOSE))
    with rig.client() as c:
        assert c.mail() == b"421 4.3.0 going down\r\n"
        c.expect_eof()


def test_the_client_closes_its_half_in_the_content(rig):
    with rig.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT)
        c.half_close()
        assert c.rest() == LOCAL_ERROR
    rig.server.connections[0].wait_closed()
    assert not rig.server.messages and not rig.clamd.scans
    assert b"DATA" not in bytes(rig.server.connections[0].raw)
    rig.daemon.wait_log("unexpected end of data from client", rig.mark)


def test_the_client_leaves_at_every_octet_of_the_end(rig):
    end = b"x\r\n.\r\n"
    for leave in ("close", "reset"):
        for n in range(len(end)):
            with rig.client() as c:
                c.envelope()
                c.cmd(b"DATA")
                c.send(CONTENT + end[:n])
                getattr(c, leave)()
    wait_until(lambda: len(rig.server.connections) == 2 * len(end))
    for connection in list(rig.server.connections):
        connection.wait_closed()
    assert not rig.server.messages


def test_temporary_files_are_private_and_removed(rig):
    with rig.client() as c:
        with rig.held(c):
            for path in rig.daemon.temp_files():
                assert os.stat(path).st_mode & 0o007 == 0
        assert c.reply() == QUEUED
        wait_until(lambda: os.listdir(rig.daemon.spool) == [])


def test_a_thread_uses_its_file_again(make):
    r = make(Header="")
    sizes = [3000000, 10, 100000, 0]
    with r.client() as c, r.client() as other:
        for size in sizes:
            content = b"x" * size + b"\r\n"
            assert c.mail(content) == QUEUED
            assert r.clamd.scans[-1].data.endswith(b"\r\n" + content)
            path, = r.daemon.unnamed_files()
            # A large message does not stay on the disk.
            assert os.stat(path).st_size <= 8192
        assert [len(m.content) for m in r.server.messages] == [n + 2 for n in sizes]
        assert other.mail() == QUEUED
        assert len(r.daemon.unnamed_files()) == 2
    assert os.listdir(r.daemon.spool) == []


EVIL = b"x" * 80 + b"\r\n" + b"RSET\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\nDATA\r\n"


def test_a_missing_spool_directory_defers(make):
    r = make(Header="")
    os.rmdir(r.daemon.spool)
    with r.client() as c:
        assert c.mail(EVIL * 2000) == LOCAL_ERROR
        assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
        assert r.server.connections[0].verbs == ["MAIL", "RCPT", "RSET", "NOOP"]
        os.mkdir(r.daemon.spool)
        assert c.mail() == QUEUED
    r.daemon.wait_log(r"couldn't open cache file.*No such file or directory")
    assert r.summary() == "from=a@example.org, to=b@example.net"


def test_a_file_size_limit_defers(directory):
    with Rig(directory, Header="", preexec=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))) as r:
        with r.client() as c:
            assert c.mail(EVIL * 20000) == LOCAL_ERROR
            assert c.cmd(b"NOOP") == b"250 2.0.0 noop\r\n"
            assert r.server.connections[0].verbs == ["MAIL", "RCPT", "RSET", "NOOP"]
            assert c.mail() == QUEUED
        r.daemon.wait_log(r"couldn't write to cache file: .*File too large")


def test_the_temporary_directory_is_used(make):
    r = make(ScanMode="scan")
    other = os.path.join(r.directory, "other")
    r.daemon.stop()
    os.mkdir(other, 0o755)
    r.daemon.options["TempDirectory"] = other
    r.daemon.start()
    with r.client() as c:
        assert c.mail() == QUEUED
    assert r.clamd.scans[-1].path.startswith(other.encode())
    shutil.rmtree(other)


def test_clamd_is_shown_what_is_forwarded_with_header_and_all(make):
    r = make()
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"Subject: x\n\n.y\0\r\n.\r\n")
        assert c.reply() == QUEUED
    raw = r.server.wait_messages(1).content
    line = b"X-Virus-Scanned: ClamAV using ClamSMTP\r\n"
    assert raw == b"Subject: x\r\n" + line + b"\r\n.y\0\r\n"
    assert shown(r.clamd.scans[0]) == raw.replace(line, b"")


@pytest.mark.parametrize("wire", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\r\n", b"x\n.\ny\r\n"])
def test_bare_newlines_rejected(reject, wire):
    with reject.client() as c:
        c.envelope()
        assert c.cmd(b"DATA") == START_DATA
        c.send(wire + b".\r\n")
        assert c.reply() == b"550 Message contains a bare CR or LF\r\n"
        assert reject.summary() == "from=a@example.org, to=b@example.net, status=BARE-NEWLINE"
        assert c.mail(b"good\r\n") == QUEUED
    assert [m.content for m in reject.server.messages] == [b"good\r\n"]


@pytest.fixture(scope="module")
def reject_rig():
    path = new_directory()
    with Rig(path, Header="", BareNewline="reject") as r:
        yield r
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def reject(reject_rig):
    reject_rig.clear()
    return reject_rig
