# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The option StatsFile, and SIGUSR1."""

import os
import re
import signal
import stat
import subprocess
import threading
import time

import pytest

from rig import CONTENT, FOUND, INFECTED, OK, ROOT, WAIT, Client, wait_until

PROMTOOL = os.path.join(ROOT, "build", "packages", "usr", "bin", "promtool")


def read(path):
    """The metrics as {"name{labels}": value}."""
    with open(path, encoding="ascii") as f:
        return {l.rsplit(" ", 1)[0]: float(l.rsplit(" ", 1)[1]) for l in f if not l.startswith("#")}


def asked(r, path):
    """The metrics behind a SIGUSR1, which may take a second."""
    mark = r.daemon.mark()
    r.daemon.signal(signal.SIGUSR1)
    r.daemon.wait_log("totals: ", mark)
    return stable(path)


def stable(path):
    time.sleep(0.1)  # the file is written behind the line
    return read(path)


def outcomes(m):
    return {re.search('"(.*)"', k)[1]: int(v) for k, v in m.items() if k.startswith("clamsmtpd_messages_total") and v}


@pytest.fixture
def path(directory):
    return directory + "/clamsmtpd.prom"


def test_it_is_there_from_the_start_to_the_end(make, path):
    before = int(time.time())
    old = os.umask(0o077)
    try:
        r = make(StatsFile=path)
    finally:
        os.umask(old)
    m = read(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    assert outcomes(m) == {} and m["clamsmtpd_sessions"] == 0
    assert before <= m["clamsmtpd_start_time_seconds"] <= time.time()
    assert m['clamsmtpd_clamd_up{address="%s"}' % r.clamd.address] == 1
    assert [k for k in m if re.fullmatch(r'clamsmtpd_build_info\{version="2\.[0-9.]+"\}', k)]
    with r.client() as c:
        c.mail()
        c.mail(INFECTED)
    r.daemon.stop()
    m = read(path)
    assert outcomes(m) == {"clean": 1, "infected": 1}
    assert m["clamsmtpd_message_bytes_total"] == len(CONTENT) + len(INFECTED)
    assert m["clamsmtpd_sessions"] == 0 and m["clamsmtpd_sessions_total"] == 1
    assert m["clamsmtpd_scan_seconds_count"] == 2 and m["clamsmtpd_scans"] == 0
    assert os.listdir(os.path.dirname(path)) == ["clamsmtpd.prom"]


def test_sigusr1(make, path):
    r = make(StatsFile=path)
    with r.client() as c:
        with r.held(c):
            m = asked(r, path)
            assert m["clamsmtpd_sessions"] == 1 and m["clamsmtpd_scans"] == 1
        assert c.reply()[:3] == b"250"
        r.summary()
        line = r.daemon.mark()
        begun = time.monotonic()
        r.daemon.signal(signal.SIGUSR1)
        told = r.daemon.wait_log("^totals: .*", line).group(0)
        assert time.monotonic() - begun < 1
    assert told.startswith("totals: messages=1, clean=1, infected=0, ")
    assert ", bytes=%d, sessions=1, now=1, scans=1, log lines lost=0, virus actions failed=0" % len(CONTENT) in told


def test_it_is_written_again_though_it_says_the_same(make, path):
    """It may have been removed, or its reader goes by its time."""
    r = make(StatsFile=path)
    os.unlink(path)
    r.daemon.signal(signal.SIGUSR1)
    wait_until(lambda: os.path.exists(path), "the file behind a SIGUSR1")
    os.unlink(path)
    r.daemon.stop()
    assert outcomes(read(path)) == {}


def test_sigusr1_without_a_file(make):
    r = make()
    r.daemon.signal(signal.SIGUSR1)
    r.daemon.wait_log("^totals: messages=0, ")


def test_sigusr1_while_the_last_session_ends(make, path):
    r = make(StatsFile=path)
    c = r.client()
    hold = threading.Event()
    r.server.on(".", lambda *_: hold.wait(WAIT) and b"250 2.0.0 queued as 4711\r\n")
    c.begin()
    r.server.wait_messages(1)
    r.daemon.signal(signal.SIGTERM)
    r.daemon.wait_log("waiting for threads to quit")
    assert asked(r, path)["clamsmtpd_sessions"] == 1
    hold.set()
    assert c.reply()[:3] == b"250"
    c.close()
    assert r.daemon.wait_exit() == 0
    assert outcomes(read(path)) == {"clean": 1}


def test_every_ten_seconds_while_something_happens(make, path):
    r = make(StatsFile=path)
    first = os.stat(path).st_ino, os.stat(path).st_mtime_ns
    with r.client() as c:
        c.mail()
    wait_until(lambda: outcomes(read(path)) == {"clean": 1}, "the file", 15)
    second = os.stat(path).st_mtime_ns
    assert second != first[1]
    # Nothing happens: nothing is written.
    time.sleep(11)
    assert os.stat(path).st_mtime_ns == second


def test_sessions_that_were_refused(make, path):
    r = make(StatsFile=path, MaxConnections="1")
    with r.client() as c:
        with Client(r.daemon.address, greet=False) as other:
            assert other.reply()[:3] == b"421"
        c.send(b"DATA\r\nx\r\n")
        c.rest()
    r.server.stop()
    wait_until(lambda: asked(r, path)["clamsmtpd_sessions"] == 0)
    with Client(r.daemon.address, greet=False) as c:
        assert c.reply()[:3] == b"421"
    wait_until(lambda: asked(r, path)["clamsmtpd_sessions"] == 0)
    m = asked(r, path)
    assert m['clamsmtpd_sessions_refused_total{reason="busy"}'] == 1
    assert m['clamsmtpd_sessions_refused_total{reason="no_server"}'] == 1
    assert m["clamsmtpd_sessions_total"] == 2


def test_who_is_out_of_step(make, path):
    r = make(StatsFile=path)
    c = Client(r.daemon.address, greet=False)
    c.send(b"EHLO x\r\nMAIL FROM:<a@b>\r\n")
    c.rest()
    c.close()
    wait_until(lambda: asked(r, path)["clamsmtpd_sessions"] == 0)
    assert read(path)['clamsmtpd_sessions_refused_total{reason="out_of_step"}'] == 1


def test_a_bad_proxy_header(make, path):
    r = make(StatsFile=path, ProxyProtocol="127.0.0.1")
    c = Client(r.daemon.address, greet=False)
    c.send(b"EHLO x\r\n")
    c.rest()
    c.close()
    wait_until(lambda: asked(r, path)["clamsmtpd_sessions"] == 0)
    assert read(path)['clamsmtpd_sessions_refused_total{reason="proxy"}'] == 1


def test_a_virus_action_that_fails(make, path):
    r = make(StatsFile=path, VirusAction="exit 3")
    with r.client() as c:
        c.mail(INFECTED)
    wait_until(lambda: asked(r, path)["clamsmtpd_virus_actions_failed_total"] == 1)


def test_a_clamd_that_is_set_aside(make, path):
    r = make(StatsFile=path)
    r.clamd.stop()
    with r.client() as c:
        assert c.mail()[:3] == b"451"
        r.summary()
    m = asked(r, path)
    assert m['clamsmtpd_clamd_up{address="%s"}' % r.clamd.address] == 0
    assert outcomes(m) == {"failed": 1}


def test_a_directory_that_is_not_there(make, directory):
    r = make(StatsFile=directory + "/none/x.prom")
    found = [l for l in r.daemon.log_lines if "couldn't write StatsFile" in l]
    assert len(found) == 1 and "clamsmtpd.conf:" in found[0] and "No such file" in found[0]
    with r.client() as c:
        assert c.mail()[:3] == b"250"
        r.summary()
    for _ in range(3):
        mark = r.daemon.mark()
        r.daemon.signal(signal.SIGUSR1)
        r.daemon.wait_log("totals", mark)
    os.mkdir(directory + "/none")
    m = asked(r, directory + "/none/x.prom")
    assert outcomes(m) == {"clean": 1}
    assert len([l for l in r.daemon.log_lines if "couldn't write StatsFile" in l]) == 1


def test_a_new_daemons_file_is_left_alone(make, path):
    r = make(StatsFile=path)
    c = r.client()
    hold = threading.Event()
    r.server.on(".", lambda *_: hold.wait(WAIT) and b"250 2.0.0 queued as 4711\r\n")
    c.begin()
    r.server.wait_messages(1)
    r.daemon.signal(signal.SIGTERM)
    r.daemon.wait_log("waiting for threads to quit")
    new = make(StatsFile=path)
    assert outcomes(read(path)) == {}
    hold.set()
    assert c.reply()[:3] == b"250"
    c.close()
    assert r.daemon.wait_exit() == 0
    assert outcomes(read(path)) == {}
    assert 'clamsmtpd_clamd_up{address="%s"}' % new.clamd.address in read(path)


def test_a_reload_may_name_another_file(make, path):
    r = make(StatsFile=path)
    r.daemon.options["StatsFile"] = path + ".2.prom"
    r.daemon.auto_listen = False
    r.daemon.write_config()
    r.daemon.signal(signal.SIGHUP)
    r.daemon.wait_log("^reloaded: ")
    asked(r, path + ".2.prom")


@pytest.mark.skipif(not os.access(PROMTOOL, os.X_OK), reason="no promtool (./bootstrap packages check)")
def test_promtool_finds_nothing(make, path):
    r = make(StatsFile=path)
    with r.client() as c:
        c.mail()
    asked(r, path)
    with open(path, "rb") as f:
        p = subprocess.run([PROMTOOL, "check", "metrics"], stdin=f, capture_output=True, text=True, check=False)
    assert p.returncode == 0 and p.stdout == "" and p.stderr == "", p


def load(r, n):
    """One client of the mixed load: some of it leaves in the middle."""
    for i in range(8):
        with Client(r.daemon.address, greet=False) as c:
            c.reply()
            kind = (n + i) % 5
            if kind == 0:
                c.begin()
                c.reset()
            elif kind == 1:
                c.envelope()
                c.cmd(b"DATA")
                c.send(b"Subject: x\r\n")
                c.half_close()
                c.rest()
            elif kind == 2:
                c.mail(INFECTED)
                c.mail()
            elif kind == 3:
                c.mail(b"a\nb\r\n")
            else:
                c.mail()


def test_the_sum_is_the_number_of_summaries(make, path):
    r = make(StatsFile=path, BareNewline="reject", MaxConnections="100")
    r.server.on(".", [b"250 ok\r\n", b"451 later\r\n", b"554 no\r\n"])
    r.clamd.queue = [OK, FOUND, b"{path}: broken ERROR{end}"] * 5
    threads = [threading.Thread(target=load, args=(r, n)) for n in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(6 * WAIT)
    wait_until(lambda: asked(r, path)["clamsmtpd_sessions"] == 0)
    m = read(path)
    assert sum(outcomes(m).values()) == len(r.daemon.whole_summaries()) == 80 + 16
    assert m["clamsmtpd_sessions_total"] == 80
    sizes = [int(re.search(r"\bsize=(\d+)", l)[1]) for l in r.daemon.whole_summaries()]
    assert m["clamsmtpd_message_bytes_total"] == sum(sizes)
