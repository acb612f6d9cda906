# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""VirusAction: when it runs, what it is told, and that it holds up nothing."""

import os
import signal
import time

import pytest

from rig import CONTENT, INFECTED, QUEUED, Hold, wait_until


def environment(path):
    """The environment a script wrote with env -0, once it is there."""
    wait_until(lambda: os.path.exists(path), "the virus action")
    with open(path, "rb") as f:
        text = f.read().decode("latin-1")
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


def with_action(make, command, **options):
    r = make(start=False, **options)
    r.out = os.path.join(r.directory, "out")
    r.daemon.options["VirusAction"] = command.format(out=r.out)
    r.daemon.start()
    return r


ENV = "env -0 > {out}.new && mv {out}.new {out}"


def test_what_it_is_told(make):
    r = with_action(make, ENV, Quarantine="on", env={"FROM_OUTSIDE": "kept"})
    with r.client() as c:
        c.ehlo()
        c.cmd(b"XFORWARD ADDR=192.0.2.1 HELO=there.example")
        c.mail(INFECTED, rcpts=[b"one@example.net", b"two@example.net"])
    env = environment(r.out)
    assert {n: env[n] for n in ("CLIENT", "SERVER", "SENDER", "RECIPIENTS", "VIRUS", "TMPDIR", "REMOTE",
                                "REMOTE_HELO", "FROM_OUTSIDE")} == {
        "CLIENT": "127.0.0.1", "SERVER": "127.0.0.1", "SENDER": "a@example.org",
        "RECIPIENTS": "one@example.net\ntwo@example.net", "VIRUS": "Eicar-Test-Signature",
        "TMPDIR": r.daemon.spool, "REMOTE": "192.0.2.1", "REMOTE_HELO": "there.example",
        "FROM_OUTSIDE": "kept"}
    assert [env["EMAIL"]] == r.daemon.virus_files()
    r.daemon.wait_log("executing virus action: " + "env -0")


def test_what_is_not_known_is_not_set(make):
    r = with_action(make, ENV)
    with r.client() as c:
        c.mail(INFECTED)
    assert not {"EMAIL", "REMOTE", "REMOTE_HELO"} & set(environment(r.out))


def test_an_empty_name_is_set(make):
    r = with_action(make, ENV)
    r.clamd.next(b"{path}:  FOUND{end}")
    with r.client() as c:
        c.mail()
    assert environment(r.out)["VIRUS"] == ""


def test_a_client_without_an_address_is_set(local_rig):
    r = with_action(local_rig, ENV)
    with r.client() as c:
        c.mail(INFECTED)
    assert environment(r.out)["CLIENT"] == ""


@pytest.mark.parametrize("sender", ["", "$(touch /tmp/x)", "`id`;'\"&|", "<q\\"])
def test_values_are_raw(make, sender):
    r = with_action(make, ENV)
    with r.client() as c:
        c.mail(INFECTED, sender=sender.encode())
    assert environment(r.out)["SENDER"] == (sender or "<>")


def test_an_unparsable_name(make):
    r = with_action(make, ENV)
    r.clamd.next(b"/other: Foo FOUND{end}")
    with r.client() as c:
        c.mail()
    assert environment(r.out)["VIRUS"] == "Unparsable.Virus.Name"


@pytest.mark.parametrize("action", ["drop", "bounce", "pass"])
def test_with_every_action_and_only_for_viruses(make, action):
    r = with_action(make, "echo x >> {out}", Action=action)
    with r.client() as c:
        c.mail(CONTENT)
        r.clamd.fail(b"x ERROR{end}")
        c.mail(CONTENT)
        time.sleep(0.1)
        assert not os.path.exists(r.out)
        c.mail(INFECTED)
        c.mail(INFECTED)
    wait_until(lambda: os.path.exists(r.out) and open(r.out).read() == "x\nx\n")


def test_none_by_default(make):
    r = make()
    with r.client() as c:
        c.mail(INFECTED)
    assert not any("virus action" in l for l in r.daemon.log_lines)


def children(pid):
    found = []
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, task)) as f:
            found += f.read().split()
    return found


def test_it_is_not_waited_for_and_reaped(make):
    r = with_action(make, "cat; while [ ! -e {out}.go ]; do sleep 0.05; done; echo > {out}")
    with r.client() as c:
        assert c.mail(INFECTED)[:3] == b"250"
        assert c.mail(CONTENT) == QUEUED
        assert len(children(r.daemon.pid)) == 1
        open(r.out + ".go", "w").close()
        wait_until(lambda: os.path.exists(r.out))
        wait_until(lambda: not children(r.daemon.pid), "the end of the child")


@pytest.mark.parametrize("command", ["/nonexistent/program", "exit 3", "kill -9 $$"])
def test_its_failure_does_not_matter(make, command):
    r = with_action(make, command)
    with r.client() as c:
        assert c.mail(INFECTED)[:3] == b"250"
        assert c.mail(CONTENT) == QUEUED
    wait_until(lambda: not children(r.daemon.pid))


def test_its_descriptors_and_signals(make):
    r = with_action(make, "(ls -l /proc/self/fd; grep -E '^Sig(Ign|Blk)' /proc/self/status; "
                          "ulimit -c) > {out}.new; mv {out}.new {out}")
    with r.client() as c:
        c.mail(INFECTED)
    wait_until(lambda: os.path.exists(r.out))
    text = open(r.out).read()
    assert " 0 -> /dev/null" in text and " 2 -> /dev/null" in text
    assert "socket:" not in text and "spool/clamsmtpd" not in text and "pipe:" not in text
    masks = {l.split(":")[0]: int(l.split(":")[1], 16) for l in text.splitlines() if l.startswith("Sig")}
    assert masks["SigBlk"] == 0
    assert masks["SigIgn"] & 0x7fffffff == 0  # 32 and 33 are the threads library's


def test_standard_descriptors_are_devnull(make):
    r = with_action(make, "a=$(for n in 0 1 2; do readlink /proc/$$/fd/$n; done); "
                          "echo \"$a\" > {out}.new; mv {out}.new {out}")
    with r.client() as c:
        c.mail(INFECTED)
    wait_until(lambda: os.path.exists(r.out))
    assert open(r.out).read() == "/dev/null\n" * 3


def test_very_many_recipients(make):
    r = with_action(make, ENV)
    rcpts = [b"recipient%05d@subdomain.example.net" % n for n in range(6000)]
    r.server.keywords = [b"PIPELINING"]
    with r.client() as c:
        c.ehlo()
        c.cmd(b"MAIL FROM:<a@b>")
        for start in range(0, len(rcpts), 50):
            group = rcpts[start:start + 50]
            c.send(b"".join(b"RCPT TO:<%s>\r\n" % x for x in group))
            for _ in group:
                assert c.reply()[:3] == b"250"
        assert c.data(INFECTED)[:3] == b"250"
    told = environment(r.out)["RECIPIENTS"].split("\n")
    assert 3000 < len(told) < 6000
    assert [t.encode() for t in told] == rcpts[:len(told)]
    r.daemon.wait_log("RECIPIENTS")


def test_the_quarantined_file_is_there_when_it_runs(make):
    r = with_action(make, "cp \"$EMAIL\" {out}.new; mv {out}.new {out}", Quarantine="on")
    with r.client() as c:
        c.mail(INFECTED)
    wait_until(lambda: os.path.exists(r.out))
    assert open(r.out, "rb").read() == INFECTED


def test_it_runs_before_the_reply_is_final(make):
    hold = Hold()
    r = with_action(make, "echo > {out}", Action="pass")
    r.server.on(".", (hold, b"250 ok\r\n"))
    with r.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(INFECTED + b".\r\n")
        hold.wait_reached()
        wait_until(lambda: os.path.exists(r.out))
        hold.release()
        assert c.reply() == b"250 ok\r\n"


def test_many_are_run_in_turn(make):
    """Each of many sessions at once; so many run and no more."""
    r = with_action(make, "echo + >> {out}; sleep 0.2; echo - >> {out}", MaxConnections="64")
    clients = [r.client() for _ in range(48)]
    for c in clients:
        c.envelope()
        c.cmd(b"DATA")
    for c in clients:
        c.send(INFECTED + b".\r\n")
    for c in clients:
        assert c.reply()[:3] == b"250"
        c.close()
    wait_until(lambda: open(r.out).read().count("-") == 48)
    running = most = 0
    for sign in open(r.out).read().split():
        running += 1 if sign == "+" else -1
        most = max(most, running)
    assert 8 <= most <= 16


def test_a_session_runs_one_at_a_time(make):
    r = with_action(make, "echo + >> {out}; sleep 0.1; echo - >> {out}")
    with r.client() as c:
        for _ in range(4):
            assert c.mail(INFECTED)[:3] == b"250"
    wait_until(lambda: open(r.out).read().count("-") == 4)
    assert open(r.out).read() == "+\n-\n" * 4


def test_a_stop_does_not_wait_for_a_turn(make):
    r = with_action(make, "until test -e {out}.go; do sleep 0.05; done")
    with r.client() as c:
        assert c.mail(INFECTED)[:3] == b"250"
        c.envelope()
        c.cmd(b"DATA")
        c.send(INFECTED + b".\r\n")
        r.daemon.wait_log("executing virus action.*", r.daemon.mark() - 1)
        time.sleep(0.2)
        begin = time.monotonic()
        r.daemon.signal(signal.SIGTERM)
        assert r.daemon.process.wait(10) == 0
        assert time.monotonic() - begin < 5
    r.daemon.wait_log("couldn't fork for virus action: ")
    open(r.out + ".go", "w").close()


def test_its_failures_are_logged_once_in_a_while(make):
    r = with_action(make, "exit 3")
    with r.client() as c:
        for _ in range(5):
            assert c.mail(INFECTED)[:3] == b"250"
    r.daemon.wait_log("virus action ended with exit status 3")
    wait_until(lambda: not children(r.daemon.pid))
    assert len([l for l in r.daemon.log_lines if "exit status 3" in l]) == 1


@pytest.mark.parametrize("command, fault", [
    ("/nonexistent/program \"$VIRUS\"", "there is no such program"),
    ("no-such-program", "there is no such program"),
    ("echo \"$VIRUS", "the shell cannot parse it"),
])
def test_what_cannot_be_executed_is_said_at_the_start(make, command, fault):
    r = with_action(make, command)
    line = next(n for n, l in enumerate(open(r.daemon.config), 1) if l.startswith("VirusAction"))
    assert "couldn't execute VirusAction: %s (%s:%d: %s)" % (
        command, r.daemon.config, line, fault) in r.daemon.log_lines


def test_nothing_is_said_of_one_that_can(make):
    r = with_action(make, ENV)
    assert not any("VirusAction: " in l and "couldn't" in l for l in r.daemon.log_lines)
