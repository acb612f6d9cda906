# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""SIGHUP: the configuration is read again."""

import contextlib
import os
import signal
import threading
import time

import pytest

from rig import CONTENT, INFECTED, QUEUED, REJECTED, FakeClamd, FakeServer, Hold, free_port, wait_until

KEPT = "^the settings stay as they were"


def rewrite(daemon, **options):
    """The file as it is to be read next; the port stays.  It is never seen half."""
    daemon.options.update(options)
    with open(daemon.config + ".new", "w", encoding="latin-1") as f:
        for name, value in daemon.options.items():
            if value is not None:
                f.write("%s: %s\n" % (name, value))
    os.rename(daemon.config + ".new", daemon.config)


def hup(daemon, wanted="^reloaded: "):
    """Returns the lines that the reload has logged."""
    mark = daemon.mark()
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(wanted, mark)
    return daemon.log_since(mark)


def reload(daemon, wanted="^reloaded: ", **options):
    rewrite(daemon, **options)
    return hup(daemon, wanted)


def test_sessions_keep_theirs(make):
    r = make(Action="drop", Header="X-Old: yes")
    with r.client() as old:
        reload(r.daemon, Action="bounce", Header="X-New: yes")
        with r.client() as new:
            assert new.mail(INFECTED) == REJECTED
            assert new.mail() == QUEUED
        assert old.mail(INFECTED)[:3] == b"250", "that session began with drop"
        assert old.mail() == QUEUED
    r.server.wait_messages(2)
    assert [(b"X-New: yes" in m.content, b"X-Old: yes" in m.content) for m in r.server.messages] == \
        [(True, False), (False, True)]


def test_the_server_and_clamd(make, directory):
    r = make()
    with FakeServer() as server, FakeClamd(path=directory + "/clamd2") as clamd:
        reload(r.daemon, OutAddress=server.address, ClamAddress=clamd.address)
        with r.client() as c:
            assert c.mail() == QUEUED
        server.wait_messages(1)
        assert len(clamd.scans) == 1 and not r.clamd.scans and not r.server.messages


def test_a_name_is_known_before_it_is_used(make):
    r = make()
    with FakeServer() as server:
        reload(r.daemon, OutAddress="localhost:" + server.address.rpartition(":")[2])
        with r.client() as c:
            assert c.mail() == QUEUED
        server.wait_messages(1)


def test_what_is_known_of_clamds_is_kept(make, directory):
    """One that is set aside stays so, with the same list and with another one,
    and is looked at by the new list's look-out."""
    dead = directory + "/dead"
    r = make(start=False)
    alive = r.clamd.address
    r.daemon.options["ClamAddress"] = dead + ", " + alive
    r.daemon.start()
    with r.client() as c:
        assert c.mail() == QUEUED
    r.daemon.wait_log("clamd %s is set aside" % dead)
    mark = r.daemon.mark()
    reload(r.daemon, Header="X: y")
    with r.client() as c:
        assert c.mail() == QUEUED
    reload(r.daemon, ClamAddress=alive + ", " + dead)
    with r.client() as c:
        assert c.mail() == QUEUED
    assert not any("set aside" in l for l in r.daemon.log_since(mark))
    with FakeClamd(path=dead):
        r.daemon.wait_log("clamd %s is back" % dead, mark)


def test_lists_of_clamds_are_bounded(make, directory):
    """Sessions that stay hold the list that they began with."""
    r = make()
    base = r.daemon.count_fds()
    with contextlib.ExitStack() as stack:
        for n in range(3):
            stack.enter_context(r.client())
            reload(r.daemon, ClamAddress=directory + "/%d" % n)
        stack.enter_context(r.client())
        said = reload(r.daemon, KEPT, ClamAddress=directory + "/more")
        assert any(l.startswith("sessions still use too many lists of ClamAddress") for l in said), said
    wait_until(lambda: r.daemon.count_fds() <= base, "the descriptors of old lists")
    reload(r.daemon, ClamAddress=r.clamd.address)
    with r.client() as c:
        assert c.mail() == QUEUED


@pytest.mark.parametrize("options, said", [
    ({"Action": "eat"}, r"^invalid value for Action \(.*clamsmtpd\.conf:\d+: "),
    ({"Nonsense": "x"}, r"^invalid config line: Nonsense \(.*clamsmtpd\.conf:\d+: "),
    ({"OutAddress": None}, r"^no OutAddress specified"),
    ({"Header": "nothing"}, r"^invalid setting: Header \(.*clamsmtpd\.conf:\d+: use Name: value"),
])
def test_a_bad_file_changes_nothing(make, options, said):
    r = make(Action="bounce")
    mark = r.daemon.mark()
    reload(r.daemon, KEPT, **dict({"Header": "X-New: yes"}, **options))
    r.daemon.wait_log(said, mark)
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED
        assert c.mail() == QUEUED
    content = r.server.wait_messages(1).content
    assert b"X-New" not in content and b"X-Virus-Scanned" in content


def test_what_is_no_file_changes_nothing(make):
    """Nobody would ever write into that pipe, and the stop would wait for it."""
    r = make(Action="bounce")
    os.unlink(r.daemon.config)
    os.mkfifo(r.daemon.config, 0o644)
    said = hup(r.daemon, KEPT)
    assert any("couldn't open config file: %s: it is no file" % r.daemon.config in l for l in said), said
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED


def test_a_missing_file_changes_nothing(make):
    r = make(Action="bounce")
    os.unlink(r.daemon.config)
    said = hup(r.daemon, KEPT)
    assert any("couldn't open config file: %s: No such file" % r.daemon.config in l for l in said), said
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_file_that_the_user_may_not_read(make):
    r = make(start=False, User="nobody", Action="bounce")
    os.chmod(r.daemon.spool, 0o777)
    os.chmod(r.clamd.address, 0o777)
    write = r.daemon.write_config

    def secret():
        write()
        os.chmod(r.daemon.config, 0o600)
    r.daemon.write_config = secret
    r.daemon.start()
    r.daemon.wait_log("^the daemon's user may not read %s, so it cannot be read again" % r.daemon.config)
    said = hup(r.daemon, KEPT)
    assert any("couldn't open config file: %s: Permission denied" % r.daemon.config in l for l in said), said
    os.chmod(r.daemon.config, 0o644)
    hup(r.daemon)


@pytest.mark.parametrize("option", ["Listen", "User", "TempDirectory", "PidFile"])
def test_what_cannot_change(make, directory, option):
    r = make()
    value = {"Listen": "127.0.0.1:%d" % free_port(), "User": "nobody"}.get(option, directory + "/other")
    old = dict(r.daemon.options)
    said = reload(r.daemon, **{option: value, "Action": "bounce"})
    assert any(l.startswith("%s cannot change while the daemon runs" % option) and "clamsmtpd.conf:" in l
               for l in said), said
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED, "the rest applies"
        assert c.mail() == QUEUED
    assert not os.path.exists(directory + "/other")
    r.daemon.options = old
    said = reload(r.daemon)
    assert not any("cannot change" in l for l in said), said


def test_maxconnections(make):
    r = make(MaxConnections="1")
    with r.client():
        with r.client() as c:
            assert c.greeting[:3] == b"421"
        reload(r.daemon, MaxConnections="2")
        with r.client() as c:
            assert c.greeting[:3] == b"220"
            reload(r.daemon, MaxConnections="1")
            with r.client() as busy:
                assert busy.greeting[:3] == b"421"
            r.daemon.wait_log(r"too many connections open \(max 1\)")
            assert c.mail() == QUEUED, "who is there stays"


def test_a_session_in_its_message(make):
    r = make()
    hold = Hold()
    r.server.on(".", [(hold, QUEUED), None])
    with r.client() as c:
        c.begin()
        hold.wait_reached()
        for n in range(5):
            reload(r.daemon, Header="X-%d: y" % n)
        hold.release()
        assert c.reply() == QUEUED


def test_flags_of_old_versions_and_a_relative_path(make):
    r = make(start=False)
    r.daemon.cwd = r.daemon.directory
    r.daemon.config = "clamsmtpd.conf"
    write = r.daemon.write_config

    def there():
        r.daemon.config = os.path.join(r.daemon.directory, "clamsmtpd.conf")
        write()
        r.daemon.config = "clamsmtpd.conf"
    r.daemon.write_config = there
    r.daemon.args = ["-b"]
    r.daemon.start()
    r.daemon.config = os.path.join(r.daemon.directory, "clamsmtpd.conf")
    reload(r.daemon, Header="X-New: yes")
    with r.client() as c:
        assert c.mail(INFECTED) == REJECTED, "-b of the command line"
        assert c.mail() == QUEUED
    assert b"X-New: yes" in r.server.wait_messages(1).content


def test_a_stop_during_reloads(make):
    r = make()
    for _ in range(50):
        r.daemon.signal(signal.SIGHUP)
    r.daemon.signal(signal.SIGTERM)
    assert r.daemon.wait_exit() == 0


def test_fifty_clients_and_a_reload_every_100_ms(make):
    """Nothing is lost and nothing refused."""
    r = make(MaxConnections="200")
    until = time.monotonic() + 10
    sent, wrong = [], []

    def deliver(number):
        count = 0
        while time.monotonic() < until:
            try:
                with r.client() as c:
                    replies = [c.greeting, c.mail(b"Subject: %d-%d\r\n\r\n%s" % (number, count, CONTENT))]
                if replies[0][:3] != b"220" or replies[1] != QUEUED:
                    wrong.append(replies)
            except (OSError, AssertionError) as e:
                wrong.append(repr(e))
            count += 1
        sent.append(count)

    threads = [threading.Thread(target=deliver, args=(n,)) for n in range(50)]
    for t in threads:
        t.start()
    n = 0
    while time.monotonic() < until:
        n += 1
        rewrite(r.daemon, Header="X-N: %d" % n, TimeOut=str(100 + n),
                ClamAddress=r.clamd.address + (", /nonexistent/x" if n % 3 == 0 else ""))
        r.daemon.signal(signal.SIGHUP)
        time.sleep(0.1)
    for t in threads:
        t.join()
    assert not wrong, wrong[:5]
    assert len(r.server.messages) == sum(sent) > 100
    assert len([l for l in r.daemon.log_lines if l.startswith("reloaded: ")]) > 20
    assert not any(l.startswith("the settings stay") for l in r.daemon.log_lines)
    hup(r.daemon)
