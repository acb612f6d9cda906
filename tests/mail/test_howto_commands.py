# SPDX-License-Identifier: BSD-3-Clause
"""
The commands of doc/postfix.md and its clamsmtpd.conf, as they stand there, on a
copy of this machine's root that is thrown away: nothing of the machine itself is
changed.  What would fetch, or need an init system, is only written down.
"""

import re
import shlex
import shutil
import subprocess

import pytest

from clamsmtpd import REPOSITORY
from postfix import howto
from samples import EICAR
from scratch import Impossible, Scratch

NEEDED = ("adduser", "update-rc.d", "start-stop-daemon", "ip", "make")
RECORDED = ("apt-get", "apt-mark", "service", "freshclam", "systemctl", "postfix", "sendmail")

STUB = """#!/bin/sh
echo "RECORDED ${0##*/} $*"
[ "${0##*/}" != sendmail ] || sed 's/^/MAIL /'
"""


def snippets():
    """(what stands before it, the snippet) for each snippet of the how-to."""
    text = (REPOSITORY / "doc" / "postfix.md").read_text()
    found = re.findall(r"(?m)((?:^(?! ).+\n)+)\n((?:^    .*\n|^\n(?=    ))+)", text)
    return [(lead, re.sub(r"(?m)^    ", "", code)) for lead, code in found]


def snippet(word):
    """The one that has this in it."""
    code, = (code for _, code in snippets() if word in code)
    return code


@pytest.fixture
def scratch():
    """A function that runs a script in the copy and returns what it says."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        pytest.skip("there is no " + " ".join(missing))
    if not (REPOSITORY / "Makefile").exists():
        pytest.skip("the tree is not the one that was built")
    try:
        copy = Scratch(REPOSITORY, alone=True)
    except Impossible as e:
        pytest.skip(str(e))
    with copy:
        stubs = copy.path("/stubs")
        stubs.mkdir()
        for name in RECORDED:
            (stubs / name).write_text(STUB)
            (stubs / name).chmod(0o755)

        def run(script):
            done = copy.run("sh", "-c", "set -e\nPATH=/stubs:$PATH\ncd %s\n%s" % (REPOSITORY, script))
            said = done.stdout.decode(errors="replace")
            assert done.returncode == 0, said
            return said
        yield run


def sysconfdir():
    return re.search(r"(?m)^CONFIG=(.*)$", (REPOSITORY / "doc" / "clamsmtpd.init").read_text()).group(1)


CONNECT = """
python3 -c '
import socket
print("GREETED", socket.create_connection(("127.0.0.1", 10025), 10).recv(99))'
"""


def test_the_daemon_starts_with_what_the_howto_makes(scratch):
    said = scratch(
        snippet("adduser") + "make -s install >/dev/null\n" +
        "cat >%s <<'END'\n%sEND\n" % (shlex.quote(sysconfdir()), snippet("Listen:")) +
        "rm -rf /run/clamsmtp\n" +      # as after a boot
        snippet("/etc/init.d/clamsmtpd") + CONNECT +
        "stat -c 'MODE %n %U:%G %a' /var/spool/clamsmtp /run/clamsmtp\n"
        "ls /etc/rc?.d/*clamsmtpd | sed 's/^/LINK /'\n"
        "/etc/init.d/clamsmtpd stop\n")
    assert re.search(r"GREETED b'(220|421) ", said), said
    assert "MODE /var/spool/clamsmtp clamsmtp:clamsmtp 750" in said
    assert "LINK /etc/rc2.d/S01clamsmtpd" in said
    assert "clamsmtpd stopped" in said


def test_the_unit_goes_where_systemd_looks(scratch):
    said = scratch(snippet("systemctl enable") + "cat /etc/systemd/system/clamsmtpd.service\n")
    assert "ExecStart=" in said
    assert "RECORDED systemctl enable --now clamsmtpd" in said


def test_what_is_fetched(scratch):
    """clamd, its signatures before its start, and 1.10 kept away."""
    said = scratch(snippet("clamav-daemon") + snippet("apt-mark"))
    recorded = re.findall("RECORDED (.*)", said)
    assert recorded[0].startswith("apt-get install ")
    assert recorded.index("freshclam ".rstrip() + " ") < recorded.index("service clamav-daemon restart")
    assert recorded[-1] == "apt-mark hold clamsmtp"


def test_the_messages_to_try(scratch):
    said = scratch(snippet("EICAR"))
    assert "MAIL " + EICAR.decode() in said
    assert said.count("RECORDED sendmail -i you@example.org") == 2


def written(tmp_path, script):
    """The files that the commands write, with what Debian had there before."""
    (tmp_path / "postfix").mkdir()
    for name in ("main.cf", "master.cf"):
        (tmp_path / "postfix" / name).write_text("# before\n")
    subprocess.run(["sh", "-ec", script.replace("/etc/", "%s/" % tmp_path)], cwd=REPOSITORY, check=True, timeout=60)
    return {path.name: path.read_text() for path in tmp_path.rglob("*.c*")}


def test_the_three_files_by_command(tmp_path):
    files = written(tmp_path, snippet("for name in"))
    assert files["clamsmtpd.conf"] == snippet("Listen:")
    assert "smtp_fallback_relay" in files["master.cf"]
    for name in ("main.cf", "master.cf"):
        assert files[name].split() == ("# before\n" + howto(name, 10025, 10026)).split()


def test_debians_two_files_by_command(tmp_path):
    """The package's document: the same with the ports exchanged."""
    text = (REPOSITORY / "doc/packaging/debian/README.Debian").read_text()
    loop, = re.findall(r"(?m)^    for name in(?:.*\n)+?    done\n", text)
    files = written(tmp_path, loop.replace("/usr/share/doc/clamsmtp/", "doc/"))
    assert "scan:[127.0.0.1]:10026" in files["main.cf"]
    for name in ("main.cf", "master.cf"):
        wanted = howto(name, "FILTER", "BACK").replace("FILTER", "10026").replace("BACK", "10025")
        assert files[name].split() == ("# before\n" + wanted).split()


def test_debians_ports_are_the_other_way_round():
    """What the how-to says of it."""
    text = (REPOSITORY / "doc" / "postfix.md").read_text()
    section = text.split("## Where Debian's package clamsmtp is installed\n")[1].split("\n## ")[0]
    assert "Listen: 127.0.0.1:10026" in section and "OutAddress: 10025" in section
    conf = snippet("Listen:")
    assert "Listen: 127.0.0.1:10025" in conf and "OutAddress: 127.0.0.1:10026" in conf
