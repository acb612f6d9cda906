# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""A new daemon starts beside one that is finishing its last messages: neither
takes the other's place, pid file or temporary files."""

import contextlib
import os
import signal
import socket

import pytest

from rig import CONTENT, HANG, WAIT, Client, Daemon, Hold, wait_until

QUEUED_LATE = b"250 2.0.0 queued late\r\n"


@contextlib.contextmanager
def draining(r):
    """The daemon has been stopped while a message is in its last step; yields
    the client that waits, and finishes that message at the end."""
    hold = Hold()
    r.server.on(".", [(hold, QUEUED_LATE), None])
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        hold.wait_reached()
        r.daemon.signal(signal.SIGTERM)
        r.daemon.wait_log("waiting for threads to quit")
        try:
            yield c
        finally:
            hold.release()
        assert c.reply() == QUEUED_LATE
    assert r.daemon.wait_exit() == 0


@contextlib.contextmanager
def successor(r, directory):
    """Another daemon with the configuration of r's."""
    with Daemon(directory, start=False, **r.daemon.options) as new:
        new.spool = r.daemon.spool
        new.start()
        yield new


def served(daemon):
    with Client(daemon.address) as c:
        return c.mail()[:3] == b"250"


def pid_in(path):
    with open(path) as f:
        return int(f.read())


@pytest.mark.parametrize("listen", ["port", "path"])
@pytest.mark.parametrize("mode", ["stream", "scan"])
def test_a_new_daemon_beside_the_old_one(make, directory, listen, mode):
    options = {"Listen": directory + "/s"} if listen == "path" else {}
    r = make(start=False, ScanMode=mode, **options)
    pid_file = r.daemon.options["PidFile"] = directory + "/pid"
    r.daemon.start()
    with successor_after(r, directory) as (new, client):
        assert new.pid == pid_in(pid_file) != r.daemon.pid
        assert served(new)
        assert client.silent(), "the old daemon is still at its message"
    assert r.daemon.process.returncode == 0


@contextlib.contextmanager
def successor_after(r, directory):
    """The old daemon ends while the new one has a message of its own, whose
    temporary file stays."""
    hold = Hold()
    with contextlib.ExitStack() as stack:
        drained = stack.enter_context(contextlib.ExitStack())
        client = drained.enter_context(draining(r))
        new = stack.enter_context(successor(r, directory))
        yield new, client
        r.clamd.next((hold, b"{path}: OK{end}"))
        c = stack.enter_context(new.client())
        c.envelope()
        c.cmd(b"DATA")
        c.send(b"x" * 100000 + b"\r\n.\r\n")
        hold.wait_reached()
        files = new.temp_files()
        drained.close()
        assert r.daemon.process.returncode == 0
        left = new.temp_files()
        assert left and set(left) <= set(files)
        assert pid_in(r.daemon.options["PidFile"]) == new.pid
        hold.release()
        assert c.reply()[:3] == b"250"
        assert served(new), "the old daemon took the new one's place with it"


def test_the_pid_file_goes_before_the_messages_end(make, directory):
    r = make(start=False)
    r.daemon.options["PidFile"] = directory + "/pid"
    r.daemon.start()
    with draining(r):
        assert not os.path.exists(directory + "/pid")
        with pytest.raises(ConnectionRefusedError):
            Client(r.daemon.address)


def test_the_old_daemon_has_timeout_and_no_more(make, directory):
    r = make(TimeOut="2")
    r.server.on(".", [HANG, None])
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT + b".\r\n")
        r.server.wait(lambda: r.server.messages, "the message")
        r.daemon.signal(signal.SIGTERM)
        r.daemon.wait_log("waiting for threads to quit")
        with successor(r, directory) as new:
            assert served(new)
            assert c.reply() == b"451 Local Error\r\n"
            assert r.daemon.wait_exit() == 0
            assert served(new)


def test_what_the_draining_daemon_uses_is_not_cleaned_away(make, directory):
    r = make(ScanMode="scan")
    with contextlib.ExitStack() as stack:
        with draining(r):
            name, = os.listdir(r.daemon.spool)
            # It outlives the old one, whose file would be taken for a leftover.
            new = stack.enter_context(successor(r, directory))
            assert os.listdir(r.daemon.spool) == [name]
            assert served(new)
        assert os.listdir(r.daemon.spool) == []


def test_a_path_that_another_one_has_taken_stays(local_rig, directory):
    r = local_rig()
    path = r.daemon.address
    os.unlink(path)
    with successor(r, directory) as new:
        r.daemon.stop()
        assert os.path.exists(path)
        assert served(new)
    assert not os.path.exists(path)


def test_a_path_where_something_else_stands_now_stays(local_rig):
    r = local_rig()
    os.unlink(r.daemon.address)
    with open(r.daemon.address, "w") as f:
        f.write("precious")
    r.daemon.stop()
    with open(r.daemon.address) as f:
        assert f.read() == "precious"


def test_a_pid_file_with_another_id_stays(make, directory):
    """As a program leaves it that knows no lock: 1.10."""
    r = make(start=False)
    path = r.daemon.options["PidFile"] = directory + "/pid"
    r.daemon.start()
    with open(path, "r+") as f:
        f.write("1\n")
        f.truncate()
    r.daemon.stop()
    assert pid_in(path) == 1


@pytest.mark.parametrize("turn", range(3))
def test_many_start_at_once(make, directory, turn):
    """A socket was left behind: one daemon gets the place, and clients reach it."""
    path = directory + "/s"
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.bind(path)
    rigs = [make(start=False, Listen=path) for _ in range(6)]
    for r in rigs:
        r.daemon.spawn()
    wait_until(lambda: all(r.daemon.process.poll() is not None or
                           "accepting connections" in r.daemon.log_lines for r in rigs))
    winner, = [r for r in rigs if r.daemon.alive()]
    for r in rigs:
        if r is not winner:
            assert r.daemon.wait_exit() == 1
    assert served(winner.daemon)
    assert len(winner.server.messages) == 1
    winner.daemon.stop()
    assert not os.path.exists(path)


@pytest.mark.parametrize("listen", ["port", "path"])
def test_restart_after_restart(make, directory, listen):
    """Each begins as soon as the one before has given up its pid file."""
    options = {"Listen": directory + "/s"} if listen == "path" else {}
    r = make(start=False, **options)
    pid_file = r.daemon.options["PidFile"] = directory + "/pid"
    r.daemon.start()
    r.daemon.auto_listen = False
    old = []
    for _ in range(10):
        r.daemon.signal(signal.SIGTERM)
        wait_until(lambda: not os.path.exists(pid_file), "the end of the pid file")
        old.append(r.daemon.process)
        r.daemon.start()
        assert pid_in(pid_file) == r.daemon.pid
    assert served(r.daemon)
    for process in old:
        assert process.wait(WAIT) == 0
        process.stderr.close()
    assert served(r.daemon)
