# SPDX-License-Identifier: BSD-3-Clause
"""Who the client is, with real programs at both ends: HAProxy in front, which
tells it by the PROXY protocol, and Postfix behind, which is told by XCLIENT."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import packages  # noqa: E402
import postfix  # noqa: E402
from clamsmtpd import answers, free_port, wait_for  # noqa: E402
from rig import CLOSE, GREETING, Client, Rig  # noqa: E402

HAPROXY = packages.find("haproxy")
FAR = "127.0.0.9"
STRANGER = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"
STRANGER6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n"

SETTINGS = """
inet_protocols = all
smtpd_peername_lookup = yes
smtpd_client_port_logging = yes
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
SERVICE = """
127.0.0.1:{port} inet n - n - - smtpd
"""
BALANCER = """
global
    stats socket {directory}/stats
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend clients
    bind 127.0.0.1:{port}
    default_backend filter
backend filter
    option smtpchk EHLO balancer.example
    server filter 127.0.0.1:{filter} {how} check check-send-proxy inter 300ms rise 1 fall 1
"""


class Site(postfix.Postfix):
    def additions(self, name):
        return SETTINGS if name == "main.cf" else SERVICE.format(port=self.back_port)

    def clients(self):
        """The clients of the messages so far: NAME[ADDR]:PORT."""
        return re.findall(r": client=(\S+)", self.log())

    def received(self):
        """What the topmost header line of the last message tells."""
        head = self.mailbox()[-1].split(b"\n\n")[0].decode()
        return " ".join(re.search(r"(?s)Received: (from .*?)id ", head).group(1).split())


@pytest.fixture(scope="module")
def site():
    if os.geteuid() != 0:
        pytest.skip("Postfix has to be started by root")
    if postfix.program() is None:
        pytest.skip("there is no Postfix (./bootstrap packages check)")
    directory = tempfile.mkdtemp(prefix="clamsmtpd-mail.")
    s = Site(directory, 0)
    s.start()
    yield s
    s.stop()
    shutil.rmtree(directory)


@pytest.fixture
def make(site):
    rigs = []

    def start(**options):
        site.clear()
        directory = tempfile.mkdtemp(prefix="clamsmtpd-mail.")
        os.chmod(directory, 0o755)
        r = Rig(directory, OutAddress="127.0.0.1:%d" % site.back_port, **options)
        rigs.append((r, directory))
        return r

    yield start
    for r, directory in rigs:
        r.close()
        shutil.rmtree(directory, ignore_errors=True)


class Balancer:
    """HAProxy, which checks the daemon every 0.3 s."""

    def __init__(self, directory, filter_port, how):
        self.directory, self.port = str(directory), free_port()
        path = os.path.join(self.directory, "haproxy.cfg")
        with open(path, "w") as f:
            f.write(BALANCER.format(directory=self.directory, port=self.port, filter=filter_port, how=how))
        self.process = subprocess.Popen([HAPROXY, "-db", "-f", path], env=packages.environment(),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def state(self):
        """Of the daemon, by its last check."""
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(os.path.join(self.directory, "stats"))
            except OSError:
                return None
            s.sendall(b"show stat\n")
            lines = [l.split(",") for l in s.makefile().read().lstrip("# ").splitlines() if l]
        row = dict(zip(lines[0], next(l for l in lines if l[:2] == ["filter", "filter"])))
        return row["status"].split()[0] if row["check_status"].startswith("L7") else None

    def wait(self, state):
        wait_for("the balancer finds the filter " + state, lambda: self.state() == state, 30)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(30)


def mail(site, client, hello=b"EHLO far.example", content=b"Subject: x\r\n\r\ntext\r\n"):
    with client as c:
        assert c.greeting == GREETING
        assert c.cmd(hello)[:3] == b"250"
        reply = c.mail(content, rcpts=[b"recipient@example.test"])
        assert reply[:3] == b"250", reply
        c.quit()
    site.wait_settled(re.search(rb"queued as (\w+)", reply).group(1).decode())
    return site.clients()[-1], site.received()


def by_header(r, header, **kw):
    c = Client(r.daemon.address, greet=False, **kw)
    c.send(header)
    c.greeting = c.reply()
    return c


@pytest.mark.parametrize("hello, proto", [(b"EHLO far.example", "ESMTP"), (b"HELO far.example", "SMTP")])
def test_postfix_never_takes_our_name_for_the_clients(site, make, hello, proto):
    r = make(XClient="on", ProxyProtocol="127.0.0.1")
    client, received = mail(site, r.client(source=FAR), hello)
    # No port after HELO, where nothing is offered.
    assert re.fullmatch(r"unknown\[127\.0\.0\.9\](:\d+)?", client)
    assert received == "from far.example (unknown [127.0.0.9]) by mail.example.test (Postfix) with %s" % proto
    assert any("didn't accept" in l for l in r.daemon.log_lines) is False


@pytest.mark.parametrize("header, client, shown", [
    (STRANGER, "unknown[192.0.2.7]:40000", "192.0.2.7"),
    (STRANGER6, "unknown[2001:db8::7]:40000", "IPv6:2001:db8::7")], ids=["IPv4", "IPv6"])
def test_postfix_is_told_all(site, make, header, client, shown):
    r = make(XClient="on", ProxyProtocol="127.0.0.1")
    assert mail(site, by_header(r, header)) == (
        client, "from far.example (unknown [%s]) by mail.example.test (Postfix) with ESMTP" % shown)
    assert not any("didn't accept" in l for l in r.daemon.log_lines)


@pytest.mark.parametrize("name", [b"x." * 127 + b"x", b"x." * 128, b"x." * 1000, b"+" * 165, b"\xc3\xa9" * 100, b"[" * 255,
                                  b"=", b"a b", b"<>", b"x\x01y"], ids=lambda n: "%d%r" % (len(n), n[:3]))
def test_no_name_lets_a_client_pass_for_us(site, make, name):
    r = make(XClient="on", ProxyProtocol="127.0.0.1")
    client, _ = mail(site, by_header(r, STRANGER), b"EHLO " + name)
    # It may refuse the name, but not what else it is told.
    assert re.fullmatch(r"unknown\[192\.0\.2\.7\](:40000)?", client)


@pytest.mark.skipif(HAPROXY is None, reason="there is no HAProxy (./bootstrap packages check)")
@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c"])
def test_behind_haproxy(site, make, how):
    r = make(XClient="on", ProxyProtocol="127.0.0.0/8", Header="X-Client: %i")
    with Balancer(r.directory, r.daemon.address[1], how) as b:
        b.wait("UP")
        client = Client(("127.0.0.1", b.port), source=FAR)
        port = client.sock.getsockname()[1]
        assert mail(site, client)[0] == "unknown[%s]:%d" % (FAR, port)
    assert b"X-Client: " + FAR.encode() in site.mailbox()[-1]
    assert not any("PROXY header" in l for l in r.daemon.log_lines)


@pytest.mark.skipif(HAPROXY is None, reason="there is no HAProxy (./bootstrap packages check)")
def test_health_checks_of_haproxy(site, make):
    """Version 2 says that the check is one; it costs Postfix at most a look each 5 s."""
    r = make(ProxyProtocol="127.0.0.0/8")
    with Balancer(r.directory, r.daemon.address[1], "send-proxy-v2") as b:
        b.wait("UP")
        asked = [l for l in r.daemon.log_lines if "EHLO balancer.example" in l]
        assert asked and not any("SERVER" in l for l in asked)
        assert not re.search(r"ehlo=\d", "\n".join(l for l in site.log().splitlines() if "disconnect from" in l
                                                   and "balancer" in l))
        r.clamd.answer = r.clamd.look = CLOSE
        with Client(("127.0.0.1", b.port)) as c:
            assert c.mail(rcpts=[b"recipient@example.test"])[:3] == b"451"
        b.wait("DOWN")
        r.clamd.answer, r.clamd.look = None, b"stream: OK\n"
        b.wait("UP")


@pytest.mark.skipif(HAPROXY is None, reason="there is no HAProxy (./bootstrap packages check)")
def test_a_check_finds_the_server_away(make):
    r = make()
    r.daemon.stop()
    r.daemon.options.update(OutAddress="127.0.0.1:%d" % free_port(), ProxyProtocol="127.0.0.0/8")
    r.daemon.start()
    with Balancer(r.directory, r.daemon.address[1], "send-proxy-v2") as b:
        b.wait("DOWN")
        assert not answers(b.port)
