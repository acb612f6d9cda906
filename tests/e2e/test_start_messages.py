# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What the daemon says at the start: file, line, and what would be right."""

import os
import re
import signal
import socket
import subprocess

import pytest

from rig import OURS, WAIT, FakeClamd, free_port
from test_configuration import drop_root, load

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its user")

ERRORS = {"Listen": "invalid Listen socket name or ip: ",
          "OutAddress": "invalid OutAddress socket name or ip: ",
          "ClamAddress": "invalid ClamAddress socket name: "}
NETS = "use networks like 10.0.0.0/8, addresses, or unix"
ABSOLUTE = "paths are absolute: use one that begins with /"
UNKNOWN = "no-such-host.invalid"


def last_line(directory, line):
    """What ends a start with this as the second line of the file, with the
    file and the line cut out of it."""
    code, err = load(directory, "# first\n" + line + "\n")
    assert code == 2
    said, found, hint = err.splitlines()[-1].partition(" (%s/test.conf:2: " % directory)
    assert found, "no place in " + said
    assert hint[-1:] == ")"
    return said[len("clamsmtpd: "):], hint[:-1]


@pytest.mark.parametrize("option", ERRORS)
@pytest.mark.parametrize("address", [
    "::1", "::", "2001:db8::1", "::1:25", "IPv6:2001:db8::1", "2001:db8:0:0:0:0:0:1", "[::1",
    "[::1]25"])
def test_ipv6(directory, option, address):
    assert last_line(directory, "%s: %s" % (option, address)) == (
        ERRORS[option] + address, "write IPv6 as in [2001:db8::1]:25")


@pytest.mark.parametrize("option", ERRORS)
@pytest.mark.parametrize("address, hint", [
    ("[fe80::1]:25", "name its interface, as in [fe80::1%eth0]:25"),
    ("[::1]:x", "a port is a number from 1 to 65535")])
def test_an_ipv6_address_that_is_not_whole(directory, option, address, hint):
    assert last_line(directory, "%s: %s" % (option, address)) == (ERRORS[option] + address, hint)


@pytest.mark.parametrize("line, message, hint", [
    ("TempDirectory: tmp", "invalid setting: TempDirectory", ABSOLUTE),
    ("TempDirectory: ~/tmp", "invalid setting: TempDirectory", ABSOLUTE),
    ("PidFile: clamsmtpd.pid", "invalid setting: PidFile", ABSOLUTE),
    ("ClamAddress: run/clamd", ERRORS["ClamAddress"] + "run/clamd", ABSOLUTE),
    ("Listen: ./listen", ERRORS["Listen"] + "./listen", ABSOLUTE),
    ("OutAddress: ../server", ERRORS["OutAddress"] + "../server", ABSOLUTE),
    ('TempDirectory: "/tmp"', "invalid setting: TempDirectory", "without quotes"),
    ("PidFile: '/run/x.pid'", "invalid setting: PidFile", "without quotes"),
    ('ClamAddress: "/run/clamd"', ERRORS["ClamAddress"] + '"/run/clamd"', "without quotes"),
    ('Listen: "127.0.0.1:10025"', ERRORS["Listen"] + '"127.0.0.1:10025"', "without quotes"),
    ("OutAddress: 127.0.0.1:25 # here", ERRORS["OutAddress"] + "127.0.0.1:25 # here",
     "a comment needs a line of its own"),
    ("PidFile: /run/x.pid # here", "invalid setting: PidFile", "a comment needs a line of its own"),
    ("TimeOut: 60 # seconds", "invalid setting: TimeOut", "a comment needs a line of its own"),
    ("ClamAddress: LocalSocket /x", ERRORS["ClamAddress"] + "LocalSocket /x", "use the path alone"),
    ("ClamAddress: LocalSocket: /x", ERRORS["ClamAddress"] + "LocalSocket: /x", "use the path alone"),
    ("ClamAddress: unix:/x", ERRORS["ClamAddress"] + "unix:/x", "use the path alone"),
    ("ClamAddress: TCPSocket 3310", ERRORS["ClamAddress"] + "TCPSocket 3310", "use a path or host:port"),
    ("OutAddress: 127.0.0.1:70000", ERRORS["OutAddress"] + "127.0.0.1:70000",
     "a port is a number from 1 to 65535"),
    ("OutAddress: [127.0.0.1]:25", ERRORS["OutAddress"] + "[127.0.0.1]:25",
     "use host:port, a port, or a path"),
    ("MaxConnections: -5", "invalid setting: MaxConnections (must be between 1 and 65535)",
     "use a number from 1 to 65535"),
    ("MaxConnections: many", "invalid setting: MaxConnections (must be between 1 and 65535)",
     "use a number from 1 to 65535"),
    ("TimeOut: 3m", "invalid setting: TimeOut", "use seconds, 1 or more"),
    ("KeepAlives: -1", "invalid setting: KeepAlives", "use seconds, 0 or more"),
    ("Action: reject", "invalid value for Action", "use bounce, drop or pass"),
    ("Bounce: 2", "invalid value for Bounce", "use on or off"),
    ("Quarantine: enabled", "invalid value for Quarantine", "use on or off"),
    ("XClient: \xe2\x80\x9con\xe2\x80\x9d", "invalid value for XClient",
     "there is an octet in it that is not ASCII"),
    ("ScanMode: fd", "invalid value for ScanMode", "use stream, fildes or scan"),
    ("BareNewline: fix", "invalid value for BareNewline", "use repair or reject"),
    ("ProxyProtocol:", "invalid setting: ProxyProtocol: ", NETS),
    ("ProxyProtocol: all", "invalid setting: ProxyProtocol: all", NETS),
    ("ProxyProtocol: 10.0.0.0/8, lan", "invalid setting: ProxyProtocol: lan", NETS),
    ("ProxyProtocol: 10.0.0.0/8,", "invalid setting: ProxyProtocol: ", NETS),
    ("ProxyProtocol: 10.0.0.1/8", "invalid setting: ProxyProtocol: 10.0.0.1/8",
     "the address has more bits than the number behind it"),
    ("ProxyProtocol: 10.0.0.1 # lan", "invalid setting: ProxyProtocol: 10.0.0.1 # lan",
     "a comment needs a line of its own"),
    ("ProxyProtocol: " + "10.0.0.1," * 64 + "10.0.0.1", "invalid setting: ProxyProtocol: 10.0.0.1",
     "there are too many; 64 are enough"),
    ("User:", "invalid setting: User", "use the name of a user"),
    ("Outaddres: 25", "invalid config line: Outaddres", "no such option; clamsmtpd.conf(5) has all"),
    ("OutAddress = 127.0.0.1:25", "invalid config line: OutAddress = 127.0.0.1", "use Name: value"),
    ("OutAddress 127.0.0.1:25", "invalid config line: OutAddress 127.0.0.1", "use Name: value"),
    ("OutAddress", "invalid config line: OutAddress", "use Name: value"),
    ("\xc2\xa0OutAddress: 25", "invalid config line: \xc2\xa0OutAddress",
     "there is an octet in it that is not ASCII"),
    ("Header: a\0", "invalid config line: Header: a",
     "there is a NUL octet in it; save the file as plain text"),
])
def test_what_would_be_right(directory, line, message, hint):
    assert last_line(directory, line) == (message, hint)


@pytest.mark.parametrize("first, shown", [
    ("Action: drop", "Action"), ("# a comment", "# a comment"), ("", ""), ("# see: x", "# see")])
def test_a_byte_order_mark(directory, first, shown):
    code, err = load(directory, "\xef\xbb\xbf%s\nOutAddress: 25\n" % first)
    assert code == 2
    assert err.splitlines()[-1] == (
        "clamsmtpd: invalid config line: \xef\xbb\xbf%s (%s/test.conf:1: save the file without a byte "
        "order mark)" % (shown, directory))


@pytest.mark.parametrize("header, hints", [
    ("X: %z", ["there is no %z, use %d, %i, %l or %%"]),
    ("X: %z %d %I", ["there is no %z, use %d, %i, %l or %%", "there is no %I, use %d, %i, %l or %%"]),
    ('"X: y"', ["without quotes; they become part of the header"]),
    ("X: 100%", []), ("X: %%", []),
])
def test_odd_headers(directory, header, hints):
    _, err = load(directory, "Header: %s\n" % header)
    said = "clamsmtpd: invalid setting: Header (%s/test.conf:1: " % directory
    assert [l for l in err.splitlines() if "Header (" in l] == [said + h + ")" for h in hints]


@root_only
@pytest.mark.parametrize("user", ["root", "0"])
def test_the_user_is_root(directory, user):
    code, err = load(directory, "OutAddress: 25\nUser: %s\n" % user)
    assert code == 1
    assert err.splitlines()[-1] == (
        "clamsmtpd: unable to completely drop privileges: Operation not permitted (%s/test.conf:2: %s has "
        "those of root; use a user that has none)" % (directory, user))


@pytest.mark.parametrize("listen, reason, hint", [
    ("192.0.2.1:10025", "Cannot assign requested address", "use an address of this host"),
    ("/nonexistent/listen", "No such file or directory", "use another address")])
def test_where_nobody_can_listen(directory, listen, reason, hint):
    code, err = load(directory, "OutAddress: 25\nListen: %s\n" % listen)
    assert code == 1
    assert err.splitlines()[-1] == "clamsmtpd: couldn't bind to address: %s: %s (%s/test.conf:2: %s)" % (
        listen, reason, directory, hint)


@root_only
def test_who_may_not_change_the_user(directory):
    code, err = load(directory, "OutAddress: 25\nUser: daemon\n", preexec_fn=drop_root)
    assert code == 1
    assert err.splitlines()[-1] == (
        "clamsmtpd: must be started as root to switch to user: daemon (%s/test.conf:2: start it as root or as "
        "that user)" % directory)


def place(r, option):
    """File and line of an option, as messages name them."""
    return "%s:%d" % (r.daemon.config, list(r.daemon.options).index(option) + 1)


# ----------------------------------------------------------------- names

def test_a_server_whose_name_is_not_known(make):
    r = make(OutAddress=UNKNOWN + ":25")
    assert "couldn't resolve OutAddress: %s:25 (%s: the name is not known now)" % (
        UNKNOWN, place(r, "OutAddress")) in r.daemon.log_lines
    with r.client(greet=False) as c:
        assert c.reply()[:3] == b"421"


def test_a_clamd_whose_name_is_not_known(make):
    r = make(ClamAddress=UNKNOWN)
    assert "couldn't resolve ClamAddress: %s (%s: the name is not known now)" % (
        UNKNOWN, place(r, "ClamAddress")) in r.daemon.log_lines
    with r.client() as c:
        assert c.mail()[:3] == b"451"


def test_a_listener_whose_name_is_not_known(directory):
    code, err = load(directory, "OutAddress: 25\nListen: %s\n" % UNKNOWN)
    assert code == 1
    assert err.splitlines()[-1] == (
        "clamsmtpd: couldn't resolve Listen: %s (%s/test.conf:2: the name is not known now)" % (
            UNKNOWN, directory))


class Names:
    """An /etc/hosts of the daemon's own, which may change while it runs."""

    def __init__(self, directory):
        self.path = directory + "/hosts"
        self.write("127.0.0.1 localhost")
        self.wrapper = ["unshare", "-m", "sh", "-c",
                        'mount --make-rprivate / && mount --bind "$0" /etc/hosts && exec "$@"', self.path]
        if subprocess.call(self.wrapper + ["true"], stderr=subprocess.DEVNULL) != 0:
            pytest.skip("no mount namespace may be made here")

    def write(self, *lines):
        with open(self.path, "w") as f:  # the same file, or the mount would not see it
            f.writelines(l + "\n" for l in lines)


def test_names_that_are_known_later(make, directory):
    names = Names(directory)
    with FakeClamd() as clamd:
        r = make(start=False, wrapper=names.wrapper, ClamAddress="clamd.test:%d" % clamd.port)
        r.daemon.options["OutAddress"] = "mx.test:%d" % r.server.port
        r.daemon.start()
        with r.client(greet=False) as c:
            assert c.reply()[:3] == b"421"
        names.write("127.0.0.1 mx.test")
        r.daemon.wait_log("the name mx.test is known now: 127.0.0.1")
        with r.client() as c:
            assert c.mail()[:3] == b"451"
            names.write("127.0.0.1 mx.test clamd.test")
            r.daemon.wait_log("the name clamd.test is known now: 127.0.0.1")
            assert c.mail()[:3] == b"250"


# ----------------------------------------------------------------- clamd

def clamd_warning(r, reason, hint):
    return "couldn't connect to ClamAddress: %s: %s (%s: %s; mail is deferred until then)" % (
        r.daemon.options["ClamAddress"], reason, place(r, "ClamAddress"), hint)


NOBODY_LISTENS = ("Connection refused", "start clamd, or use the address that it listens at")


def test_clamd_comes_later(make, directory):
    path = directory + "/late"
    r = make(ClamAddress=path)
    assert clamd_warning(r, "No such file or directory",
                         "start clamd, or use the LocalSocket of clamd.conf") in r.daemon.log_lines
    with r.client() as c:
        assert c.mail()[:3] == b"451"
        with FakeClamd(path=path):
            assert c.mail()[:3] == b"250"


def test_a_socket_that_clamd_has_left(make, directory):
    path = directory + "/left"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    r = make(ClamAddress=path)
    assert clamd_warning(r, *NOBODY_LISTENS) in r.daemon.log_lines


def test_a_port_without_clamd(make):
    r = make(ClamAddress="127.0.0.1:%d" % free_port())
    assert clamd_warning(r, *NOBODY_LISTENS) in r.daemon.log_lines


def test_a_socket_that_we_may_not_use(make):
    r = make(start=False)
    os.chmod(r.clamd.address, 0o600)
    if os.geteuid() == 0:
        os.chmod(r.daemon.spool, 0o777)
        r.daemon.preexec = drop_root
    else:
        os.chmod(r.clamd.address, 0)
    r.daemon.start()
    assert clamd_warning(
        r, "Permission denied", "let the daemon's user into the group of clamd's socket") in r.daemon.log_lines


def test_a_clamd_that_is_there(make):
    r = make()
    assert not any("ClamAddress" in l for l in r.daemon.log_lines if "parsed option" not in l)
    assert r.clamd.scans == []


# ----------------------------------------------------------------- relays

def open_to_all(r):
    return [l for l in r.daemon.log_lines if l.startswith("Listen is open to all")]


@pytest.mark.parametrize("listen", ["0.0.0.0:%d", "%d"])
@pytest.mark.parametrize("level", [0, 4])
def test_open_to_all_before_a_server_on_this_host(make, listen, level):
    port = free_port("0.0.0.0")
    r = make(Listen=listen % port, level=level, start=False)
    r.daemon.write_config()
    r.daemon.write_config = lambda: None
    r.daemon.address = ("127.0.0.1", port)
    r.daemon.start()
    assert open_to_all(r) == [
        "Listen is open to all and OutAddress is on this host: strangers may relay through it (%s: %s; %s: "
        "use Listen: 127.0.0.1:%d, or a server that does not trust this host)" % (
            place(r, "OutAddress"), r.daemon.options["OutAddress"], place(r, "Listen"), port)]


@pytest.mark.parametrize("options", [
    {}, {"Listen": "0.0.0.0:%d", "OutAddress": "192.0.2.1:25"}, {"Listen": "0.0.0.0:%d", "OutAddress": "25"},
    {"Listen": "0.0.0.0:%d", "TransparentProxy": "on", "OutAddress": None}])
def test_not_open_to_all(make, options):
    options = {n: v and v.replace("%d", str(free_port("0.0.0.0"))) for n, v in options.items()}
    assert open_to_all(make(**options)) == []


# ----------------------------------------------------------------- detached

def test_one_who_detaches_says_it_on_standard_error(make, directory):
    r = make(start=False, ClamAddress=directory + "/none", PidFile=directory + "/pid")
    r.daemon.write_config()
    p = subprocess.run([OURS, "-f", r.daemon.config], stderr=subprocess.PIPE, timeout=WAIT, encoding="ascii")
    assert p.returncode == 0
    with open(directory + "/pid") as f:
        os.kill(int(f.read()), signal.SIGTERM)
    assert "clamsmtpd: " + clamd_warning(
        r, "No such file or directory", "start clamd, or use the LocalSocket of clamd.conf") in p.stderr.splitlines()


def test_the_level_of_the_log():
    for level, code, said in (("debug", 1, "invalid debug log level"),
                              ("9", 2, r"invalid debug log level \(must be between 1 and 4\)")):
        p = subprocess.run([OURS, "-d", level], stderr=subprocess.PIPE, timeout=WAIT, encoding="ascii")
        assert p.returncode == code
        assert re.fullmatch(r"clamsmtpd: %s \(command line: -d %s: use a number from 0 to 4\)\n" % (
            said, level), p.stderr), p.stderr
