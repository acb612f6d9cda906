# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What a service manager hears, and the sockets that it hands over."""

import contextlib
import os
import signal
import socket
import time

import pytest

from rig import INFECTED, QUEUED, Client, Hold, Manager, hand_over, wait_until
from test_reload import KEPT, hup, reload

SERVING = "serving"


@pytest.fixture
def manager(directory):
    with Manager(directory + "/notify") as m:
        yield m


def listening(address=("127.0.0.1", 0), family=socket.AF_INET, kind=socket.SOCK_STREAM, listens=True):
    s = socket.socket(family, kind)
    s.bind(address)
    if listens:
        s.listen()
    return s


@contextlib.contextmanager
def with_sockets(make, socks, pid="", **options):
    """A daemon that was started with these sockets."""
    r = make(start=False, wrapper=hand_over(socks, pid), **options)
    r.daemon.close_fds = False
    yield r


def test_ready_reloading_stopping(make, manager):
    r = make(env=manager.env)
    assert manager.wait("READY") == {"READY": "1", "STATUS": SERVING}
    mark = len(manager.messages)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    hup(r.daemon)
    told = manager.wait("RELOADING", mark)
    assert told["RELOADING"] == "1"
    assert before <= int(told["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert manager.wait("READY", mark)["STATUS"] == SERVING
    mark = len(manager.messages)
    r.daemon.stop()
    assert manager.wait("STOPPING", mark)["STOPPING"] == "1"


def test_a_reload_that_fails_is_in_the_status(make, manager):
    r = make(env=manager.env)
    mark = len(manager.messages)
    reload(r.daemon, KEPT, Action="eat")
    assert "the last reload failed" in manager.wait("READY", mark)["STATUS"]
    mark = len(manager.messages)
    reload(r.daemon, Action="drop")
    assert manager.wait("READY", mark)["STATUS"] == SERVING


def test_patience_while_draining(make, manager):
    r = make(env=manager.env)
    hold = Hold()
    r.server.on(".", [(hold, QUEUED), None])
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        r.daemon.signal(signal.SIGTERM)
        told = manager.wait("EXTEND_TIMEOUT_USEC")
        assert int(told["EXTEND_TIMEOUT_USEC"]) >= 10000000
        assert "1 connections" in told["STATUS"]
        # Before that time is over it is told again.
        mark = len(manager.messages)
        assert manager.wait("EXTEND_TIMEOUT_USEC", mark)
        hold.release()
        assert c.reply() == QUEUED
    assert r.daemon.wait_exit() == 0


def test_an_abstract_name(make, directory):
    with Manager("@clamsmtpd-test-%d" % os.getpid()) as m:
        make(env=m.env)
        assert m.wait("READY")


def test_a_manager_that_is_not_there(make, directory):
    r = make(env={"NOTIFY_SOCKET": directory + "/nobody"})
    hup(r.daemon)
    with r.client() as c:
        assert c.mail() == QUEUED


def test_without_d_it_stays_in_the_foreground(make, manager):
    """The very process serves, in the directory /, and its log is syslog's."""
    r = make(env=manager.env, level=None)
    manager.wait("READY")
    assert r.daemon.alive()
    assert os.readlink("/proc/%d/cwd" % r.daemon.pid) == "/"
    with r.client() as c:
        assert c.mail(INFECTED)[:3] == b"250"
        assert c.mail() == QUEUED
    r.daemon.signal(signal.SIGTERM)
    assert r.daemon.wait_exit() == 0
    assert not any("status=" in l or "started" in l for l in r.daemon.log_lines), r.daemon.log_lines


def test_a_wrong_configuration_is_said_and_2(make, manager):
    r = make(start=False, env=manager.env, level=None, Action="eat")
    r.daemon.spawn()
    assert r.daemon.wait_exit() == 2
    assert any("invalid value for Action" in l for l in r.daemon.log_lines)
    assert not any("READY" in m for m in manager.messages)


def test_sockets_in_place_of_listen(make, directory):
    path = directory + "/handed"
    socks = [listening(), listening(path, socket.AF_UNIX), listening(("::", 0), socket.AF_INET6)]
    with with_sockets(make, socks) as r:
        r.daemon.start()
        assert not r.daemon.listening(), "Listen is not opened"
        for address in (socks[0].getsockname(), path, ("127.0.0.1", socks[2].getsockname()[1])):
            with Client(address) as c:
                assert c.mail() == QUEUED
        r.daemon.wait_log("accepted connection from: 127.0.0.1$")
        assert not any("ffff" in l for l in r.daemon.log_lines), "the client's address is one of IPv4"
        said = reload(r.daemon, Header="X: y")
        assert not any("cannot change" in l for l in said), said
        r.daemon.stop()
    assert os.path.exists(path), "the socket is the manager's"
    for s in socks:
        s.close()


def test_sockets_of_another(make):
    s = listening()
    with with_sockets(make, [s], pid="1") as r:
        r.daemon.start()
        assert r.daemon.listening()
        with r.client() as c:
            assert c.mail() == QUEUED
    s.close()


def test_a_name_in_listen_is_not_asked_for(make):
    s = listening()
    with with_sockets(make, [s], Listen="no-such-name.invalid:25") as r:
        r.daemon.start()
        with Client(s.getsockname()) as c:
            assert c.mail() == QUEUED
    s.close()


@pytest.mark.parametrize("kind, said", [
    ("datagram", "use ListenStream"), ("not listening", "use Accept=no"), ("file", "it is no socket"),
    ("too many", "too many"),
])
def test_what_is_no_listening_socket(make, directory, kind, said):
    with contextlib.ExitStack() as stack:
        if kind == "file":
            s = stack.enter_context(open(directory + "/file", "w"))
        elif kind == "datagram":
            s = stack.enter_context(listening(kind=socket.SOCK_DGRAM, listens=False))
        else:
            s = stack.enter_context(listening(listens=kind == "too many"))
        with with_sockets(make, [s] * (17 if kind == "too many" else 1)) as r:
            r.daemon.spawn()
            assert r.daemon.wait_exit() == 2
            assert any("from the service manager (LISTEN_FDS)" in l and said in l
                       for l in r.daemon.log_lines), r.daemon.log_lines


@pytest.mark.parametrize("pid", ["", "1"], ids=["ours", "another's"])
def test_no_virus_action_inherits_any_of_it(make, manager, directory, pid):
    s = listening()
    with with_sockets(make, [s], pid=pid, env=manager.env,
                      VirusAction="env >%s/env; ls -l /proc/self/fd >%s/fds; : >%s/done" % ((directory,) * 3)) as r:
        os.chmod(directory, 0o777)
        r.daemon.start()
        with Client(r.daemon.address if pid else s.getsockname()) as c:
            c.mail(INFECTED)
        wait_until(lambda: os.path.exists(directory + "/done"), "the virus action")
    with open(directory + "/env") as f:
        env = f.read()
    assert "NOTIFY_SOCKET" not in env and "LISTEN_" not in env
    with open(directory + "/fds") as f:
        assert "socket:" not in f.read()
    s.close()


def test_a_restart_refuses_no_connection(make, directory):
    """While the old daemon finishes its last message, and until the new one is
    there, clients wait at the manager's socket."""
    s = listening()
    with with_sockets(make, [s]) as r:
        r.daemon.start()
        hold = Hold()
        r.server.on(".", [(hold, QUEUED), None])
        with Client(s.getsockname()) as last:
            last.begin()
            hold.wait_reached()
            r.daemon.signal(signal.SIGTERM)
            r.daemon.wait_log("waiting for threads to quit")
            waiting = [Client(s.getsockname(), greet=False) for _ in range(20)]
            hold.release()
            assert last.reply() == QUEUED
        assert r.daemon.wait_exit() == 0
        r.daemon.start()
        for c in waiting:
            assert c.reply()[:3] == b"220"
            assert c.mail() == QUEUED
            c.close()
    s.close()
