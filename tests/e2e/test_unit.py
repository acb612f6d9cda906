# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The units for systemd: clean, tight, and true to what the daemon does."""

import glob
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess

import pytest

from rig import ENVIRONMENT, INFECTED, OURS, REJECTED, ROOT, WAIT, Client, Manager

DOC = os.path.join(ROOT, "doc")
UNPACKED = os.path.join(ROOT, "build", "packages")
ANALYZE = shutil.which("systemd-analyze") or shutil.which("systemd-analyze", path=UNPACKED + "/usr/bin")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze (package systemd)")
# Whatever NoNewPrivileges says, each of these brings it; systemd.exec(5).
BRING_NO_NEW_PRIVILEGES = [
    "LockPersonality", "MemoryDenyWriteExecute", "PrivateDevices", "ProtectClock", "ProtectHostname",
    "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RestrictAddressFamilies",
    "RestrictFileSystems", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "SystemCallArchitectures",
    "SystemCallFilter", "SystemCallLog", "DynamicUser"]


def read(name):
    with open(os.path.join(DOC, name)) as f:
        return f.read()


def lines(text):
    """(name, value) of each line that sets something; without continuation."""
    return [tuple(l.split("=", 1)) for l in text.splitlines() if re.match("[A-Z]", l)]


def unit(config="/etc/clamsmtpd.conf"):
    text = read("clamsmtpd.service.in")
    return text.replace("@sbindir@/clamsmtpd", OURS).replace("@sysconfdir@/clamsmtpd.conf", config)


@pytest.fixture
def units(directory):
    for name, text in (("clamsmtpd.service", unit()), ("clamsmtpd.socket", read("clamsmtpd.socket"))):
        with open(os.path.join(directory, name), "w") as f:
            f.write(text)
    return directory


def environment(directory):
    """In which one that is only unpacked finds its libraries, and the units that ours stand upon."""
    if not ANALYZE.startswith(UNPACKED):
        return None
    libraries = glob.glob(UNPACKED + "/usr/lib/*-linux-gnu*/systemd") + glob.glob(UNPACKED + "/usr/lib/*-linux-gnu*")
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries + glob.glob(UNPACKED + "/lib/*-linux-gnu*")),
            "SYSTEMD_UNIT_PATH": "%s:%s/lib/systemd/system" % (directory, UNPACKED)}


def analyze(verb, *args, directory=""):
    return subprocess.run([ANALYZE, "--no-pager", verb, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=WAIT, encoding="utf-8", env=environment(directory))


@needs_systemd
@pytest.mark.parametrize("with_drop_in", [False, True])
def test_verify(units, with_drop_in):
    if with_drop_in:
        os.mkdir(units + "/clamsmtpd.service.d")
        shutil.copy(DOC + "/examples/virus-action.conf", units + "/clamsmtpd.service.d")
    p = analyze("verify", "--man=no", units + "/clamsmtpd.service", units + "/clamsmtpd.socket", directory=units)
    # What it says of the host's own units is not about ours.
    assert not [l for l in p.stdout.splitlines() if "clamsmtpd" in l or "virus-action" in l], p.stdout
    assert p.returncode == 0, p.stdout


@needs_systemd
def test_the_sandbox(units):
    p = analyze("security", "--offline=true", "--threshold=20", units + "/clamsmtpd.service", directory=units)
    if "unrecognized option" in p.stdout:
        pytest.skip("this systemd-analyze cannot judge a file: " + p.stdout)
    assert p.returncode == 0, p.stdout
    assert float(re.search(r"exposure level for clamsmtpd.service: ([\d.]+)", p.stdout).group(1)) <= 2.0


def test_the_drop_in_opens_what_sendmail_needs():
    base, drop_in = lines(unit()), lines(read("examples/virus-action.conf"))
    opened = dict(drop_in)
    for name, _ in base:
        if name in BRING_NO_NEW_PRIVILEGES:
            assert opened[name] in ("", "no"), name
    assert opened["NoNewPrivileges"] == "no"
    named = {name for name, _ in base} | {"KillMode"}
    assert set(opened) <= named, "it opens nothing that was not closed"


def test_each_line_of_the_drop_in_has_its_reason():
    """Directly, or as one of a list below its reason."""
    body = read("examples/virus-action.conf").split("[Service]\n")[1]
    assert re.fullmatch(r"((# .*\n)+([A-Z].*\n)+)+", body)


def test_the_stop_has_its_time():
    values = dict(lines(unit()))
    default = int(re.search(r"(?m)^#TimeOut: (\d+)$", read("clamsmtpd.conf")).group(1))
    assert int(values["TimeoutStopSec"]) > default
    assert values["RestartPreventExitStatus"] == "2" and values["Restart"] == "on-failure"
    assert values["Type"] == "notify"


def test_what_it_writes_is_writable():
    """The spool and the pid file, as the how-to has them."""
    named = dict(re.findall(r"(?m)^    (\w+): (.*)$", read("postfix.md")))
    values = dict(lines(unit()))
    writable = [v.lstrip("-") for n, v in lines(unit()) if n == "ReadWritePaths"]
    assert values["ProtectSystem"] == "strict" and named["TempDirectory"] in writable
    assert named["PidFile"].startswith("/run/%s/" % values["RuntimeDirectory"])
    assert named["User"] == values["User"]


def test_the_descriptors(make):
    """The formula beside LimitNOFILE, and the sample's MaxConnections."""
    text = unit()
    limit = int(dict(lines(text))["LimitNOFILE"])
    enough = int(re.search(r"This is enough for (\d+)\.", text).group(1))
    factor, more = map(int, re.search(r"MaxConnections \* (\d+) \+ (\d+)", text).groups())
    assert enough == (limit - more) // factor >= 64
    r = make(start=False, MaxConnections=str(enough), OutAddress="localhost:25",
             preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    r.daemon.start()
    assert not any("the system allows" in l for l in r.daemon.log_lines), r.daemon.log_lines


def test_its_commands(make, directory):
    """ExecStart and ExecReload, as they stand there."""
    r = make(start=False)
    r.daemon.write_config()
    text = lines(unit(r.daemon.config))
    start, = [v for n, v in text if n == "ExecStart"]
    reloads = [v for n, v in text if n == "ExecReload"]
    with Manager(directory + "/notify") as manager:
        p = subprocess.Popen(shlex.split(start), env=dict(ENVIRONMENT, **manager.env), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            manager.wait("READY")

            def reload():
                # A shell has its own kill, where procps is not installed.
                return [subprocess.call(c.replace("$MAINPID", str(p.pid)).replace("/bin/kill", "kill"), shell=True,
                                        stderr=subprocess.DEVNULL) for c in reloads]
            with open(r.daemon.config, "a") as f:
                f.write("Action: bounce\n")
            mark = len(manager.messages)
            assert reload() == [0, 0]
            manager.wait("READY", mark)
            with Client(r.daemon.address) as c:
                assert c.mail(INFECTED) == REJECTED
            with open(r.daemon.config, "a") as f:
                f.write("Action: eat\n")
            assert reload()[0] == 2, "systemd stops there"
        finally:
            p.send_signal(signal.SIGTERM)
            assert p.wait(WAIT) == 0


@needs_systemd
@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace")
def test_the_system_calls(make, directory):
    """All that a message, a virus and a reload need are allowed."""
    def names(group):
        text = analyze("syscall-filter", group).stdout
        found = set(re.findall(r"(?m)^    (\w+)$", text))
        for inner in re.findall(r"(?m)^    (@[\w-]+)$", text):
            found |= names(inner)
        return found
    filters = [v for n, v in lines(unit()) if n == "SystemCallFilter"]
    allowed = set()
    for f in filters:
        for group in f.lstrip("~").split():
            allowed = allowed - names(group) if f.startswith("~") else allowed | names(group)
    assert "read" in allowed
    log = directory + "/strace"
    r = make(wrapper=["strace", "-f", "-qq", "-o", log], Quarantine="on", start=False)
    r.daemon.spawn()
    r.daemon.wait_log("accepting connections")
    with r.client() as c:
        assert c.mail()[:3] == b"250"
        assert c.mail(INFECTED)[:3] == b"250"
        assert c.mail(b"x" * 200000 + b"\r\n")[:3] == b"250"
    with open(log) as f:
        daemon = int(f.readline().split()[0])
    os.kill(daemon, signal.SIGHUP)
    r.daemon.wait_log("^reloaded: ")
    os.kill(daemon, signal.SIGTERM)
    assert r.daemon.wait_exit() == 0
    with open(log) as f:
        used = set(re.findall(r"(?m)^\d+ +(\w+)\(", f.read()))
    assert used <= allowed | {"set_robust_list", "rseq", "arch_prctl"}, used - allowed
