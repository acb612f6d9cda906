# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The comparison: what clamd answers, and what follows from it."""

import contextlib
import os

from comparison import BYE, ENVELOPE, ENVELOPE_OK, NOOP_OK, QUIT, RSET, Comparison, logged, normal
from rig import CLOSE, DISCARDED, GREETING, HANG, INFECTED, LOCAL_ERROR, SERVER_CLOSED, START_DATA, wait_until

COMPARISON = Comparison()
scenario = COMPARISON.scenario


def verdict(name, *answers, **options):
    def play(s):
        with s.client() as c:
            for answer in answers:
                s.clamd.fail(answer)
                c.mail()
                s.clamd.queue.clear()
            c.quit()
        return [open(f, "rb").read() for f in s.daemon.virus_files()]
    play.__name__ = name
    scenario(**options)(play)


EICAR = b"{path}: Eicar FOUND\n"


def named(name, text=b"Hello."):
    """A virus that is passed on also has its name in the header."""
    return {"differs": {"server": [
        ENVELOPE + b"DATA\r\nSubject: test\r\nFrom: a@example.org\r\nX-Virus-Infected: Virus Detected!\r\n"
        b"X-Virus-Status: infected (%s)\r\n\r\n%s\r\n.\r\n" % (name, text) + QUIT]},
        "why": "improvement: the name of a virus follows its mark"}


verdict("virus_dropped", EICAR)
verdict("virus_bounced", EICAR, None, Action="bounce")
verdict("virus_passed", EICAR, Action="pass", **named(b"Eicar"))
verdict("virus_passed_without_header", EICAR, Action="pass", Header="", **named(b"Eicar"))
verdict("virus_with_old_option", EICAR, Bounce="on")
verdict("virus_quarantined", EICAR, Quarantine="on")
verdict("virus_passed_and_quarantined", EICAR, Quarantine="on", Action="pass", **named(b"Eicar"))
verdict("virus_names", b"{path}: Two  Words FOUND\n", b"{path}: A.b(c:1) FOUND\n", b"{path}:  FOUND\n")
verdict("virus_without_a_name", b"/other: Foo FOUND\n", b"Foo FOUND\n")
verdict("clamd_errors", b"{path}: Can't access file ERROR\n", b"Odd. ERROR\n")
verdict("clamd_answers_junk", b"what?\n", b"{path}: Foo FOUND x\n", b"{path}: Empty file\n")
verdict("clamd_answers_an_empty_line", b"\n",
        differs={"log": logged("unexepected response from clamd: ",
                               "from=a@example.org, to=b@example.net, status=CLAMAV-ERROR")},
        why="improvement: an empty line is an answer, and a wrong one")
verdict("clamd_closes", CLOSE, None)
verdict("clamd_fails_open", b"{path}: NOTOK\n", b"{path}: ok\n", b"/other: OK\n", b"a FOUND b OK\n",
        differs={"client": [GREETING + 4 * (ENVELOPE_OK + START_DATA + LOCAL_ERROR) + BYE],
                 "server": [4 * (ENVELOPE + RSET) + QUIT],
                 "log": logged("unexepected response from clamd: SUBJECT: NOTOK",
                               "from=a@example.org, to=b@example.net, status=CLAMAV-ERROR",
                               "unexepected response from clamd: SUBJECT: ok",
                               "from=a@example.org, to=b@example.net, status=CLAMAV-ERROR",
                               "unexepected response from clamd: /other: OK",
                               "from=a@example.org, to=b@example.net, status=CLAMAV-ERROR",
                               "unexepected response from clamd: a FOUND b OK",
                               "from=a@example.org, to=b@example.net, status=CLAMAV-ERROR")},
        why="[BUG] fail-open suffix match")
verdict("clamd_answers_without_line_end", (b"{path}: OK", CLOSE), (b"{path}: Foo FOUND", CLOSE),
        differs={"client": [GREETING + 2 * (ENVELOPE_OK + START_DATA + LOCAL_ERROR) + BYE],
                 "log": logged("unexepected response from clamd: SUBJECT: OK",
                               "from=a@example.org, to=b@example.net, status=CLAMAV-ERROR",
                               "unexepected response from clamd: SUBJECT: Foo FOUND",
                               "from=a@example.org, to=b@example.net, status=CLAMAV-ERROR")},
        why="[BUG] stale octets were added to an answer without line end")
verdict("clamd_is_silent", HANG, TimeOut=1,
        differs={"log": logged("clamd DIR/clamd answered nothing for 1 s",
                               "from=a@example.org, to=b@example.net, status=CLAMAV-ERROR")},
        why="improvement: the log names who was silent")
verdict("clamd_is_not_there", None, ClamAddress="/nonexistent/clamd",
        differs={"log": ["couldn't connect to ClamAddress: /nonexistent/clamd: No such file or directory "
                         "(DIR/clamsmtpd.conf:2: start clamd, or use the LocalSocket of clamd.conf; "
                         "mail is deferred until then)"] +
                 logged("CLAMAV: couldn't connect to: /nonexistent/clamd: No such file or directory",
                        "from=a@example.org, to=b@example.net")},
        why="improvement: it is said at the start as well")


@scenario(differs={"client": [GREETING + ENVELOPE_OK + START_DATA + DISCARDED + SERVER_CLOSED],
                   "server": [ENVELOPE + RSET + QUIT],
                   "log": logged("from=a@example.org, to=b@example.net, status=VIRUS:Eicar-Test-Signature",
                                 "server refused to reset")},
          why="[BUG] the recipients of the dropped message stayed for the next one")
def rset_is_refused(s):
    s.server.on("RSET", b"500 no\r\n")
    with s.client(timeout=3) as c:  # 1.10 says no more
        c.mail(INFECTED)
        c.silent(0.3)  # and then the next command
        with contextlib.suppress(OSError):
            c.cmd(b"NOOP")
            c.rest()


@scenario(Action="pass", **named(b"Eicar-Test-Signature", b"Hello.\r\nINFECTED:Eicar-Test-Signature"))
def pass_and_the_server_refuses(s):
    s.server.on(".", b"550 no\r\n")
    with s.client() as c:
        c.mail(INFECTED)
        c.quit()


@scenario(VirusAction="env > $TMPDIR/../out.new; mv $TMPDIR/../out.new $TMPDIR/../out")
def virus_without_a_name_and_an_action(s):
    s.clamd.next(b"{path}: FOUND{end}")
    with s.client() as c:
        c.mail()
    return environment_of(s)


@scenario(Quarantine="on", VirusAction="env > $TMPDIR/../out.new; mv $TMPDIR/../out.new $TMPDIR/../out")
def quarantine_in_a_directory_with_a_slash(s):
    s.restart(TempDirectory=s.daemon.spool + "/")
    with s.client() as c:
        c.mail(INFECTED)
    name, = s.daemon.virus_files()
    s.daemon.wait_log("quarantined")
    return [environment_of(s), [l.replace(name, "NAME") for l in s.daemon.log_lines if "quarantined" in l]]


def environment_of(s):
    path = os.path.join(s.directory, "out")
    wait_until(lambda: os.path.exists(path), "the virus action")
    with open(path) as f:
        known = ("CLIENT", "SERVER", "SENDER", "RECIPIENTS", "VIRUS", "TMPDIR", "EMAIL", "REMOTE", "REMOTE_HELO")
        return sorted(normal(s, l) for l in f.read().split("\n") if l.split("=")[0] in known)


@scenario(differs={"client": 2 * [GREETING + ENVELOPE_OK + START_DATA + LOCAL_ERROR + BYE],
                   "log": ["100000: accepted connection from: 127.0.0.1",
                           "100000: unexepected response from clamd: SUBJECT: foo found",
                           "100000: from=a@example.org, to=b@example.net, status=CLAMAV-ERROR",
                           "100001: accepted connection from: 127.0.0.1",
                           "100001: unexepected response from clamd: SUBJECT: x error",
                           "100001: from=a@example.org, to=b@example.net, status=CLAMAV-ERROR"]},
          why="improvement: clamd's words are what clamd says, and all else fails")
def clamd_in_small_letters(s):
    for answer in (b"{path}: foo found{end}", b"{path}: x error{end}"):
        s.clamd.fail(answer)
        with s.client() as c:
            c.mail()
            c.quit()
        s.clamd.queue.clear()


@scenario(differs={"client": [GREETING + ENVELOPE_OK + START_DATA + DISCARDED + NOOP_OK + NOOP_OK]},
          why="[BUG] a reply of several lines to RSET left the dialogue out of step")
def rset_answered_with_several_lines(s):
    s.server.on("RSET", b"250-a\r\n250 b\r\n")
    with s.client() as c:
        c.mail(INFECTED)
        c.cmd(b"NOOP")
        c.cmd(b"NOOP")


@scenario()
def virus_action(s):
    out = os.path.join(s.directory, "out")
    s.restart(VirusAction="env -0 > %s.new; mv %s.new %s" % (out, out, out), Quarantine="on")
    with s.client() as c:
        c.cmd(b"XFORWARD NAME=x HELO=there ADDR=192.0.2.1 PROTO=ESMTP")
        c.mail(INFECTED, rcpts=[b"one@x", b"two@x"])
        c.quit()
    wait_until(lambda: os.path.exists(out))
    names = ("CLIENT", "SERVER", "SENDER", "RECIPIENTS", "VIRUS", "TMPDIR", "EMAIL", "REMOTE", "REMOTE_HELO")
    env = dict(e.split("=", 1) for e in open(out).read().split("\0") if "=" in e)
    return {n: normal(s, env[n]) for n in names if n in env}


@scenario(differs={"other": {"REMOTE": "192.0.2.1", "REMOTE_HELO": "there", "SENDER": "<>", "EMAIL": None}},
          why="[BUG] the last attribute of XFORWARD kept its line end")
def virus_action_and_xforward_at_the_end(s):
    out = os.path.join(s.directory, "out")
    s.restart(VirusAction="env -0 > %s.new; mv %s.new %s" % (out, out, out))
    with s.client() as c:
        c.cmd(b"XFORWARD HELO=there ADDR=192.0.2.1")
        c.mail(INFECTED, sender=b"")
        c.quit()
    wait_until(lambda: os.path.exists(out))
    env = dict(e.split("=", 1) for e in open(out).read().split("\0") if "=" in e)
    return {n: env.get(n) for n in ("REMOTE", "REMOTE_HELO", "SENDER", "EMAIL")}


played, test_same_as_1_10, test_ours_where_it_differs = COMPARISON.tests()
