# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Several mail servers: one that is not there, or does not want us, gives way to
the next, as long as the client has heard of none."""

import os
import socket
import stat
import time

import pytest

from rig import wait_until, CLOSE, GREETING, NO_SERVER, QUEUED, RESET, Client, FakeServer, Hold, free_port
from test_configuration import drop_root

BUSY_SERVER = b"421 4.3.2 mx1.example has no time\r\n"


@pytest.fixture
def servers():
    with FakeServer() as one, FakeServer() as two:
        yield one, two


def both(make, servers, together=True, **options):
    out = [s.address for s in servers]
    return make(OutAddress=", ".join(out) if together else out, **options)


@pytest.mark.parametrize("together", [True, False])
def test_the_first_is_preferred(make, servers, together):
    r = both(make, servers, together)
    for _ in range(3):
        with r.client() as c:
            assert c.mail() == QUEUED
    assert [len(s.messages) for s in servers] == [3, 0]
    assert not servers[1].connections


def test_one_that_is_not_there(make, servers):
    r = make(OutAddress=["127.0.0.1:%d" % free_port(), servers[1].address])
    with r.client() as c:
        assert c.mail() == QUEUED
    r.daemon.wait_log(r"SERVER: couldn't connect to: 127\.0\.0\.1:\d+: Connection refused$")
    assert len(servers[1].messages) == 1


@pytest.mark.parametrize("greeting", [
    BUSY_SERVER, b"421-wait\r\n" + BUSY_SERVER, (BUSY_SERVER, CLOSE), (b"421-wait\r\n", CLOSE),
    (b"220-not yet\r\n", CLOSE), CLOSE, RESET], ids=repr)
def test_one_that_turns_us_away(make, servers, greeting):
    servers[0].on("connect", greeting)
    r = both(make, servers)
    with r.client(greet=False) as c:
        assert c.reply() == GREETING
        assert c.mail() == QUEUED
    assert c.received.startswith(GREETING)
    assert [len(s.messages) for s in servers] == [0, 1]


def test_the_last_one_is_heard(make, servers):
    """When all turn us away, the client hears why."""
    for s in servers:
        s.on("connect", BUSY_SERVER)
    r = both(make, servers)
    with r.client(greet=False) as c:
        assert c.reply() == BUSY_SERVER


def test_none_is_there(make):
    r = make(OutAddress=["127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()])
    with r.client() as c:
        assert c.greeting == NO_SERVER
        c.expect_eof()
    wait_until(lambda: len([l for l in r.daemon.log_lines if "couldn't connect to" in l and "SERVER" in l]) == 2)


@pytest.mark.parametrize("greeting", [b"554 5.3.2 not here\r\n", b"554-not\r\n554 here\r\n", b"220 mx\r\n"])
def test_whatever_else_it_says_is_final(make, servers, greeting):
    """The next server would say the same, or the client knows of this one."""
    servers[0].banner = greeting
    r = both(make, servers)
    with r.client(greet=False) as c:
        assert c.reply() == (GREETING if greeting[:3] == b"220" else greeting)
    assert not servers[1].connections


def test_once_greeted_there_is_no_other(make, servers):
    servers[0].on("MAIL", BUSY_SERVER)
    r = both(make, servers)
    with r.client() as c:
        assert c.ehlo()[:3] == b"250"
        assert c.cmd(b"MAIL FROM:<a@b>") == BUSY_SERVER
    assert not servers[1].connections


def test_who_speaks_early_is_out_of_step_at_each(make, servers):
    hold = Hold()
    servers[0].on("connect", (hold, BUSY_SERVER))
    r = both(make, servers)
    c = r.client(greet=False)
    hold.wait_reached()
    c.send(b"EHLO early\r\n")
    time.sleep(0.1)
    hold.release()
    assert c.reply()[:3] == b"554"
    c.expect_eof()
    c.close()


def test_a_stop_ends_the_wait(make, servers):
    hold = Hold()
    servers[0].on("connect", (hold, BUSY_SERVER))
    r = both(make, servers)
    with r.client(greet=False) as c:
        hold.wait_reached()
        r.daemon.signal(15)
        assert c.reply()[:3] == b"421"
        assert r.daemon.wait_exit() == 0
    hold.release()


def test_a_server_that_takes_no_packet_costs_seconds(make, servers):
    """A full queue drops what comes: connecting to it ends after 5 s."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for s in waiting:
                s.setblocking(False)
                s.connect_ex(full.getsockname())
            r = make(OutAddress=["127.0.0.1:%d" % full.getsockname()[1], servers[1].address])
            begun = time.monotonic()
            with r.client() as c:
                assert c.greeting == GREETING
            assert 4 < time.monotonic() - begun < 15
        finally:
            for s in waiting:
                s.close()


def test_a_value_that_is_a_loop_is_passed_over(make, servers):
    """The port alone leads back to us from here; the other value does not."""
    port = free_port("0.0.0.0")
    r = make(Listen="0.0.0.0:%d" % port, OutAddress=[str(port), servers[1].address])
    with Client(("127.0.0.1", port)) as c:
        assert c.mail() == QUEUED
    r.daemon.wait_log("loop detected")


def test_the_file_counts_not_the_command_line(make, servers):
    r = make(OutAddress=servers[1].address, args=["-l", "127.0.0.1:%d" % free_port(), servers[0].address])
    with r.client() as c:
        assert c.mail() == QUEUED
    assert [len(s.messages) for s in servers] == [0, 1]
    assert len([l for l in r.daemon.log_lines if l.startswith("created socket")]) == 1


def test_too_many(make):
    r = make(OutAddress=["127.0.0.1:%d" % (n + 1) for n in range(17)], start=False)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 2
    r.daemon.wait_log("^invalid OutAddress socket name or ip: 127.0.0.1:17 .*16 are enough")


# ------------------------------------------------------ the socket at a path

def at_path(make, directory, **options):
    return make(Listen=directory + "/s", start=False, **options)


def leave(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)


def test_the_directory_decides_who_gets_to_a_socket(make, directory):
    r = at_path(make, directory, preexec=lambda: os.umask(0o077))
    r.daemon.start()
    assert stat.S_IMODE(os.stat(directory + "/s").st_mode) == 0o666


def test_what_the_daemons_user_has_left_is_replaced(make, directory):
    leave(directory + "/s")
    at_path(make, directory).daemon.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave another user's file")
@pytest.mark.parametrize("user", [None, "nobody"])
def test_what_another_has_left_is_not(make, directory, user):
    path = directory + "/s"
    leave(path)
    os.chown(path, 12345 if user is None else 0, -1)
    before = os.stat(path).st_ino
    r = at_path(make, directory, User=user)
    os.chmod(r.daemon.spool, 0o777)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 1
    r.daemon.wait_log("^couldn't bind to address: %s: File exists \\(.*remove it" % path)
    assert os.stat(path).st_ino == before


def test_a_file_that_is_no_socket_is_not(make, directory):
    with open(directory + "/s", "w") as f:
        f.write("precious")
    r = at_path(make, directory)
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 1
    with open(directory + "/s") as f:
        assert f.read() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reaches_the_socket(make, directory):
    r = at_path(make, directory, User="nobody")
    os.chmod(r.daemon.spool, 0o777)
    r.daemon.start()
    path = directory + "/s"
    pid = os.fork()
    if pid == 0:
        try:
            drop_root()
            socket.socket(socket.AF_UNIX).connect(path)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_socket_that_is_not_ours_any_more_stays(make, directory):
    r = at_path(make, directory)
    r.daemon.start()
    os.unlink(directory + "/s")
    leave(directory + "/s")
    r.daemon.stop()
    assert os.path.exists(directory + "/s")
