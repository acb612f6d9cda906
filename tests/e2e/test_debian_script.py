# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Debian's own init script of 1.10-17.2, which stays on a host that installs
this program, and what Debian's unit runs: as they are, in a mount namespace in
which only /etc, /usr/sbin, /run and the spool are made up."""

import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess

import pytest

from rig import CONTENT, ENVIRONMENT, OURS, ROOT, WAIT, Client, Hold, free_port, wait_until

QUEUED_LATE = b"250 2.0.0 queued late\r\n"
USER = "clamsmtp:x:54399:54399::/nonexistent:/usr/sbin/nologin\n"

# The namespace stays while this shell lives; $1 is the directory below, $2 the
# file that the program was built to read.
BEGIN = """
set -e
mount --make-rprivate /
mount -t tmpfs none "$1/over"
for d in etc usr/sbin; do
    mkdir -p "$1/over/$d/new" "$1/over/$d/work"
    mount -t overlay none -o "lowerdir=/$d,upperdir=$1/over/$d/new,workdir=$1/over/$d/work" "/$d"
done
mount -t tmpfs none /run
mkdir -p /var/spool
mount -t tmpfs none /var/spool
cp -r "$1/deb/etc/init.d" /etc/
cp "$1/clamsmtpd.conf" /etc/clamsmtpd.conf
cp "$1/clamsmtpd" /usr/sbin/clamsmtpd
if [ ! -e "$2" ]; then
    mount -t tmpfs none "${2%/*}"
    ln -s /etc/clamsmtpd.conf "$2"
fi
grep -v '^clamsmtp:' /etc/passwd >"$1/passwd" || :
grep -v '^clamsmtp:' /etc/group >"$1/group" || :
cat "$1/passwd" "$1/user" >/etc/passwd
echo clamsmtp:x:54399: | cat "$1/group" - >/etc/group
mkdir -m 750 /var/spool/clamsmtp
chown clamsmtp:clamsmtp /var/spool/clamsmtp
echo ready
read -r _
"""


def find_package():
    """The package of 1.10-17.2, or its directory; None: there is none."""
    places = [os.environ.get("CLAMSMTP_DEB", "")] + sorted(
        glob.glob(os.path.join(ROOT, "build", "**", "clamsmtp_1.10-*.deb"), recursive=True) +
        glob.glob("/var/cache/apt/archives/clamsmtp_1.10-*.deb"))
    return next((p for p in places if os.path.isfile(p)), None)


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as at a boot"),
    pytest.mark.skipif(find_package() is None, reason="no clamsmtp_1.10-*.deb in build/ (or CLAMSMTP_DEB)"),
    pytest.mark.skipif(shutil.which("start-stop-daemon") is None, reason="no start-stop-daemon"),
    pytest.mark.skipif(not os.path.exists("/lib/lsb/init-functions"), reason="no /lib/lsb/init-functions"),
]


def compiled_in():
    out = subprocess.run([OURS, "-v"], stdout=subprocess.PIPE, timeout=WAIT, encoding="latin-1").stdout
    return re.search(r"config: (.*)\)", out).group(1)


class Host:
    """What the tests do in the namespace."""

    def __init__(self, rig, directory):
        self.rig, self.directory = rig, directory
        self.address = ("127.0.0.1", free_port())
        self.pid_file = "/run/clamsmtp/clamsmtpd.pid"
        os.mkdir(directory + "/over")
        subprocess.run(["dpkg", "-x", find_package(), directory + "/deb"], check=True, timeout=WAIT)
        self.unit, = glob.glob(directory + "/deb/**/clamsmtp.service", recursive=True)
        with open(directory + "/deb/etc/clamsmtpd.conf") as f:
            text = f.read()
        # Debian's configuration with the ports of this test.
        for name, value in (("OutAddress", rig.server.address), ("Listen", "127.0.0.1:%d" % self.address[1]),
                            ("ClamAddress", rig.clamd.address)):
            text, n = re.subn("^%s:.*$" % name, "%s: %s" % (name, value), text, flags=re.M)
            assert n == 1, name
        with open(directory + "/clamsmtpd.conf", "w") as f:
            f.write(text)
        with open(directory + "/user", "w") as f:
            f.write(USER)
        shutil.copy(OURS, directory + "/clamsmtpd")
        self.shell = subprocess.Popen(["unshare", "-m", "sh", "-c", BEGIN, "sh", directory, compiled_in()], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.shell.stdout.readline() != b"ready\n":
            pytest.skip("no namespace of our own: %r" % self.shell.stderr.read())

    def run(self, *command, **how):
        p = subprocess.run(["nsenter", "-t", str(self.shell.pid), "-m", *command], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT, encoding="latin-1",
                           env=dict(ENVIRONMENT, PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
                           **how)
        return p.returncode, p.stdout

    def script(self, verb):
        return self.run("sh", "/etc/init.d/clamsmtp", verb)

    def pid(self):
        try:
            with open("/proc/%d/root%s" % (self.shell.pid, self.pid_file)) as f:
                return int(f.read())
        except FileNotFoundError:
            return None

    def serves(self):
        with contextlib.suppress(ConnectionRefusedError), Client(self.address) as c:
            return c.mail()[:3] == b"250"
        return False

    @contextlib.contextmanager
    def last_step(self):
        hold = Hold()
        self.rig.server.on(".", [(hold, QUEUED_LATE), None])
        with Client(self.address) as c:
            c.envelope()
            c.cmd(b"DATA")
            c.send(CONTENT + b".\r\n")
            hold.wait_reached()
            try:
                yield
            finally:
                hold.release()
            assert c.reply() == QUEUED_LATE

    def stop(self):
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not os.path.exists("/proc/%d/exe" % pid), "the end of the daemon")
        self.shell.communicate(b"\n", timeout=WAIT)


@pytest.fixture
def host(make):
    r = make(start=False)
    h = Host(r, r.directory)
    yield h
    h.stop()


def test_the_verbs(host):
    assert host.script("start")[0] == 0
    first = host.pid()
    assert first and host.serves()
    assert host.script("start")[0] == 0 and host.pid() == first
    code, out = host.script("restart")
    assert code == 0, out
    assert host.pid() not in (None, first) and host.serves()
    assert host.script("stop")[0] == 0
    wait_until(lambda: host.pid() is None, "the end of the pid file")
    assert not host.serves()


def test_a_restart_during_the_last_step_of_a_message(host):
    """It waits one second, and starts nothing while a pid file names a daemon."""
    assert host.script("start")[0] == 0
    first = host.pid()
    with host.last_step():
        code, out = host.script("restart")
        assert code == 0, out
        assert host.pid() not in (None, first), out
        assert os.path.exists("/proc/%d/exe" % first), "it has a message to finish"
        assert host.serves()
    wait_until(lambda: not os.path.exists("/proc/%d/exe" % first), "the end of the old daemon")
    assert host.serves()
    assert len(host.rig.server.messages) == 3


def start_as_the_unit_does(host):
    with open(host.unit) as f:
        unit = dict(re.findall(r"^(\w+)=(.*)$", f.read(), re.M))
    assert (unit["Type"], unit["User"], unit["RuntimeDirectory"]) == ("forking", "clamsmtp", "clamsmtp")
    code, out = host.run("sh", "-c", "install -d -o clamsmtp -g clamsmtp /run/clamsmtp && "
                         "exec setpriv --reuid clamsmtp --regid clamsmtp --init-groups " + unit["ExecStart"])
    assert code == 0, out


def test_what_the_unit_runs(host):
    start_as_the_unit_does(host)
    first = host.pid()
    assert host.serves()
    with host.last_step():
        os.kill(first, signal.SIGTERM)
        wait_until(lambda: host.pid() is None, "the end of the pid file")
        start_as_the_unit_does(host)
        assert host.pid() not in (None, first) and host.serves()
    wait_until(lambda: not os.path.exists("/proc/%d/exe" % first), "the end of the old daemon")
    assert host.serves()
