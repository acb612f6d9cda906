# SPDX-License-Identifier: BSD-3-Clause
"""Files of doc/scaling.md: keepalived.conf as keepalived itself reads it, fstab as mount
does, clamd's port as systemd hands it over.  tests/mail/test_scaling.py has the others."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import clamd
import packages
from clamsmtpd import REPOSITORY, free_port, wait_for

sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))

from rig import hand_over  # noqa: E402

KEEPALIVED = packages.find("keepalived")
# Not the host's interfaces: a network of its own that has this one.
ALONE = "ip link add eth0 type veth peer name peer0 && ip link set eth0 up && exec \"$@\""

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None,
                                reason="a namespace needs root, unshare and ip")
needs_keepalived = pytest.mark.skipif(KEEPALIVED is None,
                                      reason="there is no keepalived (./bootstrap packages check)")


def document(file="/etc/keepalived/keepalived.conf"):
    text = (REPOSITORY / "doc" / "scaling.md").read_text()
    block = re.search(r"(?m)^In `%s` .*:\n\n((?:    .*\n)+)" % re.escape(file), text).group(1)
    return re.sub("(?m)^    ", "", block)


def read_by_keepalived(directory, config):
    """(exit status, what it says)"""
    path = directory / "keepalived.conf"
    # With another user its test mode ends itself by a signal (2.2.7).
    path.write_text(config.replace("script_user nobody", "script_user root"))
    done = subprocess.run(["unshare", "-n", "sh", "-c", ALONE, "sh", KEEPALIVED, "-t", "-f", str(path)],
                          env=packages.environment(), stdin=subprocess.DEVNULL, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = done.stdout.decode(errors="replace")
    if "unshare failed" in said or "RTNETLINK" in said:
        pytest.skip("no network namespace: " + said.strip())
    # That a host has no systemd is not the document's fault.
    if shutil.which("systemctl") is None:
        said = "".join(l for l in said.splitlines(keepends=True) if "systemctl" not in l)
    return done.returncode, said


@needs_keepalived
def test_the_configuration_is_right(tmp_path):
    status, said = read_by_keepalived(tmp_path, document())
    assert said == ""
    assert status == 0 or shutil.which("systemctl") is None


@needs_keepalived
@pytest.mark.parametrize("right, wrong", [("nopreempt", "nopreemt"), ("vrrp_script haproxy", "vrrp_script other")])
def test_what_is_wrong_is_told(tmp_path, right, wrong):
    """So the test above can fail."""
    status, said = read_by_keepalived(tmp_path, document().replace(right, wrong))
    assert status != 0 and said


def test_the_spool_on_tmpfs(tmp_path):
    """The line of fstab, for a user of this host, mounted where nobody else sees it."""
    spool = tmp_path / "spool"
    spool.mkdir()
    line = document("/etc/fstab").replace("/var/spool/clamsmtp", str(spool))
    assert line.count("clamsmtp") == 2
    (tmp_path / "fstab").write_text(line.replace("uid=clamsmtp", "uid=nobody").replace("gid=clamsmtp", "gid=nogroup"))
    script = "mount --fstab '%s' '%s' && stat -f -c '%%T' '%s' && stat -c '%%U:%%G %%a' '%s'" % (
        tmp_path / "fstab", spool, spool, spool)
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], stdin=subprocess.DEVNULL, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = done.stdout.decode(errors="replace")
    if "unshare failed" in said or "permission denied" in said.lower():
        pytest.skip("no mount namespace: " + said.strip())
    assert said.splitlines() == ["tmpfs", "nobody:nogroup 750"]


def listening(address, family=socket.AF_INET):
    s = socket.socket(family)
    s.bind(address)
    s.listen()
    return s


@pytest.mark.skipif(clamd.program() is None, reason="there is no clamd (package clamav-daemon)")
@pytest.mark.parametrize("drop_in", [True, False])
def test_clamds_port_where_systemd_opens_its_sockets(drop_in):
    """Without the drop-in clamd says nothing at the port that its configuration names."""
    address, = re.findall("(?m)^ListenStream=(.*)$",
                          document("/etc/systemd/system/clamav-daemon.socket.d/tcp.conf"))
    config = document("/etc/clamav/clamd.conf")
    assert "TCPSocket %s\nTCPAddr %s\n" % tuple(reversed(address.split(":"))) in config
    port = free_port()
    directory = Path(tempfile.mkdtemp(prefix="clamsmtpd-mail."))
    directory.chmod(0o755)
    local = str(directory / "local")
    socks = [listening(local, socket.AF_UNIX)]
    if drop_in:
        socks.append(listening(("127.0.0.1", port)))
    one = clamd.PrivateClamd(directory / "clamd", lines=config.replace(
        "3310", str(port)).replace("192.0.2.21", "127.0.0.1").splitlines())
    with open(one.log, "wb") as log:
        process = subprocess.Popen([*hand_over(socks), clamd.program(), "--config-file=%s/clamd.conf" % one.directory],
                                   env=packages.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   close_fds=False)
    for s in socks:
        s.close()
    try:
        wait_for("clamd answers", lambda: process.poll() is not None or clamd.ask(local, "PING") == "PONG", 30)
        assert process.poll() is None, one.log.read_text()
        assert clamd.ask("127.0.0.1:%d" % port, "PING") == ("PONG" if drop_in else None)
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(directory)
