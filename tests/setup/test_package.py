# SPDX-License-Identifier: BSD-3-Clause
"""
Debian's package of ours, as `./bootstrap deb` makes it, in the place of Debian's
own package of 1.10 and back.  Nobody is there to answer a question.
"""

import os
import re
import shutil
import subprocess
import threading

import pytest

import machine
import scratch
from rig import QUEUED, Hold, wait_until

CONF = "/etc/clamsmtpd.conf"
INIT = "/etc/init.d/clamsmtp"
SPOOL = "/var/spool/clamsmtp"
RULES = "/etc/logcheck/ignore.d.server/clamsmtp"
DROPINS = "/etc/systemd/system/clamsmtp.service.d"
HEADINGS = ("Nov  8 03:50:00 mail.example ",
            "2026-11-08T03:50:00.123456+00:00 mail.example ",
            "2026-11-08T03:50:00Z mail ")


def original_package():
    """Where bootstrap has put it, or None."""
    places = [os.environ.get("CLAMSMTP_DEB", "")] + sorted(
        map(str, scratch.REPOSITORY.glob("build/**/clamsmtp_1.10-*.deb")))
    return next((scratch.Path(p) for p in places if os.path.isfile(p)), None)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """ours, original and clamd, as files."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a system in a directory")
    for program in ("mmdebstrap", "unshare", "ip", "dh", "lintian"):
        if shutil.which(program) is None:
            pytest.skip("there is no %s" % program)
    original = original_package()
    if original is None:
        pytest.skip("no clamsmtp_1.10-*.deb in build/ (or CLAMSMTP_DEB)")
    done = subprocess.run(
        ["sh", str(scratch.REPOSITORY / "bootstrap"), "deb"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=scratch.STEP_SECONDS)
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, said
    ours = re.search(r"^Made (.*\.deb)$", said, re.M).group(1)
    assert re.fullmatch(r"clamsmtp_2\..*\.deb", os.path.basename(ours))
    return {
        "ours": scratch.Path(ours),
        "original": original,
        "clamd": machine.make_clamd_package(tmp_path_factory.mktemp("clamd")),
    }


@pytest.fixture
def host(packages):
    try:
        made = machine.Machine(packages)
    except scratch.Unavailable as why:
        pytest.skip("no system of our own: %s" % why)
    yield made
    made.remove()


def state(host):
    """What dpkg says of the package: nothing may be half done."""
    return host.run("dpkg-query -W -f '${Status} ${Version}' clamsmtp")


def assert_running(host, version):
    assert re.fullmatch(r"install ok installed %s.*" % re.escape(version),
                        state(host)), state(host)
    assert host.run("dpkg --audit") == ""
    assert host.mail() == QUEUED
    assert set(host.daemons()) == {"/usr/sbin/clamsmtpd"}
    assert "(version %s" % version in host.run("/usr/sbin/clamsmtpd -v")


def answers(host):
    """debconf's, to the questions of 1.10; without one that is none, but a note
    of its to itself."""
    return {block for block in host.settings()
            if re.match(r"Name: clamsmtp/(?!do-fixperms)", block)}


def edit(host, path, line):
    text = host.text(path) + line
    (host.root / path.lstrip("/")).write_text(text)
    return text


def owner(host, path):
    return host.run("stat -c %U:%G:%a " + path).strip()


def assert_rules_match(host, lines):
    """Of each line of normal work, as in files of both forms of time."""
    rules = [str(path) for path in (
        host.root / "etc/logcheck/ignore.d.server").iterdir()]
    lines = [line for line in lines if line.startswith("clamsmtpd")]
    assert lines
    text = "".join(heading + line + "\n"
                   for line in lines for heading in HEADINGS)
    done = subprocess.run(["grep", "-Ev"] + sum(
        (["-f", path] for path in rules), []), input=text.encode("latin-1"),
        stdout=subprocess.PIPE, timeout=60)
    assert done.stdout.decode("latin-1") == ""


def restart_during_a_message(host):
    """The message that waits for the server's reply arrives, and once."""
    hold = Hold()
    host.server.on(".", (hold, QUEUED))
    before = len(host.server.messages)
    with host.client() as client:
        client.ehlo()
        client.begin()
        assert hold.reached.wait(20)
        was = host.daemons()
        said = host.run(INIT + " restart")
        assert "exit status" not in said, said
        assert len(host.daemons()) == len(was) + 1
        host.server.on(".", None)
        assert host.mail() == QUEUED
        hold.release()
        assert client.reply() == QUEUED
    assert len(host.server.messages) == before + 2


def test_the_original_may_finish_its_message(host):
    """It takes its time to end, and the upgrade waits for that."""
    host.dpkg("-i /debs/clamd.deb /debs/original.deb")
    edit(host, INIT, "# mine\n")
    # For systemd's sandbox, into which this leads.
    host.run("install -d -o clamsmtp /var/lib/elsewhere")
    edit(host, CONF, "VirusAction: /bin/true\n"
                     "TempDirectory: /var/lib/elsewhere\n")
    hold = Hold()
    host.server.on(".", (hold, QUEUED))
    with host.client() as client:
        client.ehlo()
        client.begin()
        assert hold.reached.wait(20)
        threading.Timer(4, hold.release).start()
        host.dpkg("-i /debs/ours.deb")
    host.server.on(".", None)
    assert len(host.server.messages) == 1
    assert_running(host, "2.")
    assert host.text(DROPINS + "/virus-action.conf") == \
        host.text("/usr/share/clamsmtp/virus-action.conf")
    assert host.text(DROPINS + "/temp-directory.conf") == \
        "[Service]\nReadWritePaths=-/var/lib/elsewhere\n"
    host.dpkg("-P clamsmtp")
    assert not (host.root / DROPINS.lstrip("/")).exists()


def test_there_and_back_and_gone(host):
    before = host.everything()
    host.apt("install --no-install-recommends /debs/original.deb /debs/clamd.deb")
    configuration = edit(host, CONF, "\n# mine\nHeader: X-Mine: yes\n")
    host.run(INIT + " restart")
    assert_running(host, "1.10")
    asked = answers(host)
    script = host.text(INIT)

    host.apt("install --no-install-recommends /debs/ours.deb")
    assert_running(host, "2.")
    assert host.text(CONF) == configuration
    assert host.text(INIT) == host.text("/usr/share/clamsmtp/clamsmtp.init")
    assert "X-Mine: yes" in host.server.messages[-1].content.decode()
    assert answers(host) == asked
    assert owner(host, SPOOL) == "clamsmtp:clamsmtp:750"
    assert owner(host, "/run/clamsmtp").startswith("clamsmtp:clamsmtp:")
    assert "clamsmtp" in host.run("id -Gn clamav").split()
    restart_during_a_message(host)
    for signal, words in (("HUP", "reloaded: "), ("USR1", "totals: ")):
        host.run("sh -c 'kill -%s $(cat /run/clamsmtp/clamsmtpd.pid)'" % signal)
        wait_until(lambda: any(words in line for line in host.log.lines), words)
    assert_rules_match(host, host.log.lines)

    host.apt("--allow-downgrades install /debs/original.deb")
    assert_running(host, "1.10")
    assert host.text(CONF) == configuration
    assert host.text(INIT) == script
    assert answers(host) == asked

    host.dpkg("-i /debs/ours.deb")
    assert_running(host, "2.")
    assert host.text(CONF) == configuration

    host.dpkg("-r clamsmtp")
    assert host.daemons() == []
    assert host.text(CONF) == configuration
    assert "No such file" in host.run("ls /usr/sbin/clamsmtpd")
    host.dpkg("-P clamsmtp")
    assert answers(host) == set()
    assert "clamsmtp" not in host.text("/etc/passwd") + host.text("/etc/group")
    host.dpkg("-P clamav-daemon")
    assert host.everything() - before == set()


def test_what_was_edited_is_kept(host):
    """Each conffile of 1.10, and no question in either direction."""
    host.dpkg("-i /debs/clamd.deb /debs/original.deb")
    script = edit(host, INIT, "# mine\n")
    rules = edit(host, RULES, "^mine$\n")
    configuration = host.text(CONF)
    for package, version in (("ours", "2."), ("original", "1.10"),
                             ("ours", "2.")):
        host.dpkg("-i /debs/%s.deb" % package)
        assert_running(host, version)
        assert host.text(CONF) == configuration
        assert host.text(INIT) == script
        assert host.text(RULES) == rules
    restart_during_a_message(host)
    # Who said that the spool is to stay has it.
    host.run("sh -c 'echo set clamsmtp/purge false | debconf-communicate'")
    (host.root / "var/spool/clamsmtp/virus.AAAAAA").write_text("kept\n")
    host.dpkg("-P clamsmtp")
    assert host.text(SPOOL + "/virus.AAAAAA") == "kept\n"
    assert owner(host, SPOOL) == "clamsmtp:clamsmtp:750"
    for path in (CONF, INIT, RULES):
        assert not (host.root / path.lstrip("/")).exists()


def test_the_first_installation(host):
    before = host.everything()
    host.dpkg("-i /debs/ours.deb")
    assert_running(host, "2.")
    lines = host.text(CONF).splitlines()
    assert [line for line in lines if line and line[0] != "#"] == [
        "OutAddress: 10025", "Listen: 127.0.0.1:10026",
        "ClamAddress: /var/run/clamav/clamd.ctl",
        "TempDirectory: " + SPOOL, "User: clamsmtp",
        "PidFile: /var/run/clamsmtp/clamsmtpd.pid"]
    assert owner(host, CONF) == "root:root:644"
    # clamd that comes later can read, too.
    host.dpkg("-i /debs/clamd.deb")
    assert "clamsmtp" in host.run("id -Gn clamav").split()
    assert os.readlink(host.root / "etc/systemd/system/clamsmtpd.service") == \
        "/lib/systemd/system/clamsmtp.service"
    # What was taken away stays away; and what cannot start stops nothing.
    (host.root / CONF.lstrip("/")).unlink()
    host.dpkg("-i /debs/ours.deb")
    assert not (host.root / CONF.lstrip("/")).exists()
    (host.root / CONF.lstrip("/")).write_text("Nonsense\n")
    host.dpkg("-i /debs/ours.deb")
    assert state(host).startswith("install ok installed 2.")
    assert host.text(CONF) == "Nonsense\n"
    host.dpkg("-P clamsmtp clamav-daemon")
    assert host.everything() - before == set()


def test_apt_prefers_ours(packages):
    version = subprocess.run(
        ["dpkg-deb", "-f", str(packages["ours"]), "Version"],
        stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    for other in ("1.10-17.2", "1.10-18", "1.10-99"):
        subprocess.run(["dpkg", "--compare-versions", version, "gt", other],
                       check=True)


def test_the_spec_file_can_be_read():
    unpacked = scratch.REPOSITORY / "build/packages"
    program = shutil.which("rpmspec") or str(unpacked / "usr/bin/rpmspec")
    if not os.path.exists(program):
        pytest.skip("there is no rpmspec, nor in build/packages")
    libraries = ":".join(map(str, unpacked.glob("usr/lib/*-linux-gnu*")))
    environment = dict(os.environ)
    if program.startswith(str(unpacked)):
        environment.update(LD_LIBRARY_PATH=libraries,
                           RPM_CONFIGDIR=str(unpacked / "usr/lib/rpm"))
    done = subprocess.run(
        [program, "--parse",
         str(scratch.REPOSITORY / "doc/packaging/clamsmtp.spec")],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
