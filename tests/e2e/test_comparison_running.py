# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The comparison: other options, the stop, the command line and the configuration."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from comparison import ENVELOPE, MESSAGE, QUIT, Comparison
from conftest import new_directory
from rig import CONTENT, GREETING, NO_SERVER, STOPPING, WAIT, FakeServer, free_port

COMPARISON = Comparison()
scenario = COMPARISON.scenario
OUR_VERSION = re.compile(r"clamsmtpd \(version 2[.\d]+\)\n +\(config: /\S+/clamsmtpd\.conf\)\n")


# ------------------------------------------------------------ other options

@scenario(XClient="on",
          differs={"server": [b"EHLO client.example\r\nXCLIENT NAME=[UNAVAILABLE] ADDR=127.0.0.1\r\n" +
                              b"EHLO client.example\r\n" + ENVELOPE + MESSAGE + QUIT]},
          why="[BUG] no second EHLO after XCLIENT, and the server took our name for the client's")
def xclient(s):
    s.server.keywords = [b"XCLIENT NAME ADDR", b"SIZE 50000"]
    with s.client() as c:
        c.ehlo()
        c.mail()
        c.quit()


@scenario(XClient="on",
          differs={"server": [b"EHLO client.example\r\nXCLIENT NAME=[UNAVAILABLE] ADDR=127.0.0.1\r\n" +
                              ENVELOPE + MESSAGE + QUIT]},
          why="the server took our name for the client's")
def xclient_refused(s):
    s.server.keywords = [b"XCLIENT NAME ADDR", b"SIZE 50000"]
    s.server.on("XCLIENT", b"550 no\r\n")
    with s.client() as c:
        c.ehlo()
        c.mail()
        c.quit()


@scenario(XClient="on")
def xclient_not_offered(s):
    with s.client() as c:
        c.ehlo()
        c.mail()
        c.quit()


@scenario(KeepAlives=1,
          differs={"server": [ENVELOPE + b"NOOP\r\nNOOP\r\nNOOP\r\n" + MESSAGE + QUIT],
                   "other": True},
          why="[BUG] no NOOP while the client is silent")
def keepalives_while_the_client_is_silent(s):
    with s.client() as c:
        c.envelope()
        c.cmd(b"DATA")
        c.send(CONTENT)
        time.sleep(3.2)
        silent = "NOOP" in s.server.connections[0].verbs
        c.send(b".\r\n")
        c.reply()
        c.quit()
    return silent


@scenario(MaxConnections=2)
def too_many_connections(s):
    first, second = s.client(), s.client()
    s.client(greet=False).rest()
    for c in (first, second):
        c.quit()


@scenario()
def loopback(s):
    port, out = free_port("0.0.0.0"), free_port("0.0.0.0")
    s.daemon.auto_listen = False
    s.restart(Listen="0.0.0.0:%d" % port, OutAddress=str(out))
    with FakeServer(host="127.0.0.5", port=out) as server:
        with s.client(address=("127.0.0.1", port), source="127.0.0.5") as c:
            c.mail()
            c.quit()
        return len(server.messages)


@scenario(TransparentProxy="on", OutAddress=None,
          differs={"client": [NO_SERVER],
                   "log": ["100000: accepted connection from: 127.0.0.1",
                           "100000: loop detected in transparent proxying"]},
          why="[BUG] the client got no octet; and what nothing redirected may be TPROXY's")
def transparent_without_redirection(s):
    s.client(greet=False).rest()


@scenario()
def listening_on_a_unix_socket(s):
    s.daemon.auto_listen = False
    s.restart(Listen=s.directory + "/listen", Header="X: %i %l")
    with s.client(address=s.directory + "/listen") as c:
        c.mail()
        c.quit()


@scenario(PidFile="")
def the_pid_file(s):
    path = s.directory + "/pid"
    s.restart(PidFile=path)
    with open(path) as f:
        right = f.read() == "%d\n" % s.daemon.pid
    s.daemon.stop(check=False)
    return right, os.path.exists(path), s.daemon.process.returncode


def stopped_by(number):
    def play(s):
        s.daemon.signal(number)
        return s.daemon.wait_exit()
    play.__name__ = "stopped_by_" + signal.Signals(number).name
    scenario()(play)


stopped_by(signal.SIGTERM)
stopped_by(signal.SIGINT)


@scenario(differs={"client": [GREETING + STOPPING]},
          why="[BUG] a stop closed sessions without 421")
def stopped_with_an_idle_session(s):
    c = s.client()
    s.daemon.signal(signal.SIGTERM)
    c.rest()
    return s.daemon.wait_exit()


# -------------------------------------------------------- the command line

def command(name, *args, config="OutAddress: 127.0.0.1:25\n", **how):
    """A start that ends by itself; {conf} in args is the configuration."""
    def play(binary):
        directory = new_directory()
        try:
            path = directory + "/test.conf"
            with open(path, "w") as f:
                f.write(config)
            p = subprocess.run([binary] + [a.replace("{conf}", path) for a in args],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, timeout=WAIT, encoding="latin-1")
        finally:
            shutil.rmtree(directory)
        err = p.stderr.replace(binary + ":", "PROGRAM:")
        err = re.sub(r" \((\S+\.conf(:\d+)?|command line): [^\n]*\)$", "", err, flags=re.M)
        err = re.sub(r"(?m)^clamsmtpd: (read config file|parsed option): .*\n", "", err)
        return {"exit": p.returncode, "stdout": p.stdout, "stderr": err.replace(path, "CONF")}
    COMPARISON.add(name, play, **how)


def refused(name, text, **how):
    command("config_" + name, "-f", "{conf}", "-d", "0", config=text + "\n", **how)


command("version", "-v",
        differs={"stdout": OUR_VERSION},
        why="another version, another sysconfdir")
command("version_among_others", "-d", "1", "-v", "-x",
        differs={"stdout": OUR_VERSION},
        why="another version, another sysconfdir")
OUR_USAGE = ("usage: clamsmtpd [-d debuglevel] [-f configfile] [-p pidfile]\n"
             "       clamsmtpd -n | -T [-f configfile]\n       clamsmtpd -v\n")
command("unknown_option", "-x",
        differs={"stderr": "PROGRAM: invalid option -- 'x'\n" + OUR_USAGE},
        why="improvement: -n and -T are in the usage")
command("missing_argument", "-d",
        differs={"stderr": "PROGRAM: option requires an argument -- 'd'\n" + OUR_USAGE},
        why="improvement: -n and -T are in the usage")
command("level_5", "-d", "5")
command("level_abc", "-d", "abc")
command("level_3x", "-d", "3x")
command("missing_configuration", "-f", "/nonexistent.conf", "-d", "0")
command("directory_as_configuration", "-f", "/tmp", "-d", "0",
        differs={"stderr": "clamsmtpd: couldn't read config file: /tmp: Is a directory\n"},
        why="[BUG] -f with a directory said `out of memory`")
command("flag_b_and_no_address", "-f", "{conf}", "-d", "0", "-b", "-q", config="")
command("flag_c", "-f", "{conf}", "-d", "0", "-c", "/tmp/c", "-l", "x:y", config="",
        differs={"stderr": "clamsmtpd: invalid Listen socket name or ip: x:y\n"},
        why="[BUG] -c never worked")
command("flag_m_x", "-f", "{conf}", "-d", "0", "-m", "x", config="",
        differs={"stderr": "clamsmtpd: invalid setting: MaxConnections (must be between 1 and 65535)\n"},
        why="improvement: the range is larger, and the message tells it")
command("positional_argument", "-f", "{conf}", "-d", "0", "extra:1:2", config="")
refused("unknown", "Bogus: x")
refused("no_colon", " no colon")
refused("no_name", ": x")
refused("no_outaddress", "# nothing")
refused("bad_action", "Action: eat")
refused("bad_bool", "Quarantine: 2")
refused("bad_bounce", "Bounce: x")
refused("bad_listen", "Listen: 127.0.0.1:99999")
refused("bad_outaddress", "OutAddress: ::1")
refused("bad_clamaddress", "ClamAddress: 1.2.3")
refused("bad_timeout", "TimeOut: 0")
refused("bad_keepalives", "KeepAlives: -1")
refused("bad_maxconnections", "MaxConnections: 0",
        differs={"stderr": "clamsmtpd: invalid setting: MaxConnections (must be between 1 and 65535)\n"},
        why="improvement: the range is larger, and the message tells it")
refused("maxconnections_1", "MaxConnections: 1\nBogus: x",
        differs={"stderr": "clamsmtpd: invalid config line: Bogus\n"},
        why="[BUG] 1 was refused")
refused("empty_tempdirectory", "TempDirectory:")
refused("empty_user", "User:")
refused("unknown_user", "User: no-such-user\nOutAddress: 25\nListen: 127.0.0.1:1",
        marks=pytest.mark.skipif(os.geteuid() != 0, reason="without root 1.10 does not look the user up"))
refused("scanheader", "ScanHeader: X: y\nBogus: x",
        differs={"stderr": 'clamsmtpd: please use "Header" option instead of "ScanHeader"\n'
                           'clamsmtpd: invalid config line: Bogus\n'},
        why="[BUG] ScanHeader was warned about, then refused")
refused("duplicates", "Action: drop\nAction: eat")
refused("transparent_and_outaddress", "TransparentProxy: on\nOutAddress: 25\nBogus: x")
refused("odd_spacing", "\tAction :  drop  \n  # comment\n\nACTION:pass\r\nBogus: x")


played, test_same_as_1_10, test_ours_where_it_differs = COMPARISON.tests()
