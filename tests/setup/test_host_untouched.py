# SPDX-License-Identifier: BSD-3-Clause
"""
What bootstrap does to the system it runs on: it adds tools, and nothing else.
"""

import os
import shutil
import smtplib
import socket

import pytest

import scratch

TOOLS = ("gcc", "libcmocka-dev", "python3-pytest")
# A preference of the host's, by which they cannot be had.  It also saves time.
UNWANTED = ("build-essential", "clang", "clang-tidy", "cppcheck", "debhelper",
            "dpkg-dev", "gcc-multilib", "lintian", "mmdebstrap", "valgrind")
UNPACKED = ("clamsmtpd", "clamd", "postfix", "haproxy")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="module")
def system():
    if os.geteuid() != 0:
        pytest.skip("only root can make a system in a directory")
    for program in ("mmdebstrap", "unshare"):
        if shutil.which(program) is None:
            pytest.skip("there is no %s" % program)
    try:
        made = scratch.Scratch()
    except scratch.Unavailable as why:
        pytest.skip("no system of our own: %s" % why)
    try:
        for name in ("bootstrap", "tests/beat.sh"):
            (made.root / "tree" / name).parent.mkdir(
                parents=True, exist_ok=True)
            shutil.copy(scratch.REPOSITORY / name, made.root / "tree" / name)
        (made.root / "etc/apt/preferences").write_text(
            "Package: %s\nPin: release *\nPin-Priority: -1\n" %
            " ".join(UNWANTED))
        yield made
    finally:
        made.remove()


def greeting(port):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as smtp:
        return smtp.ehlo("client.example.test")[0]


def lost(before, after):
    return {key: (value, after.get(key)) for key, value in before.items()
            if after.get(key) != value}


def test_no_network_is_one_line_with_the_command(system):
    before = system.packages()
    said = system.run("tree/bootstrap packages check",
                      network=False).splitlines()
    assert said[-1] == "exit status 1"
    assert said[-2].startswith(
        "bootstrap: packages are missing and apt cannot fetch them: "
        "apt-get update; apt-get install --no-remove")
    assert all(tool in said[-2].split() for tool in TOOLS)
    assert [line for line in said[:-2] if not line.startswith(
        ("Asking for the package lists", "    "))] == []
    assert system.packages() == before


def test_the_host_stays_as_it_was(system):
    # An administrator who has put our program where 1.10 would go.
    ours = system.root / "usr/sbin/clamsmtpd"
    ours.write_text("#!/bin/sh\n")
    port = free_port()
    system.run("exim4 -bd -oX %d -oP /run/exim.pid" % port)
    exim = system.run("cat /run/exim.pid")
    assert greeting(port) == 250
    before = [system.packages(), system.files(), system.services(),
              system.settings()]

    said = [system.run("tree/bootstrap packages " + form)
            for form in ("check", "bench")]

    print("".join(said))
    packages, files, services, settings = before
    assert lost(packages, system.packages()) == {}
    assert lost(files, system.files()) == {}
    assert system.services() == services
    assert settings <= system.settings()
    assert not (system.root / "usr/sbin/policy-rc.d").exists()
    assert system.run("cat /run/exim.pid") == exim
    assert system.run("sh -c 'kill -0 %d'" % int(exim)) == ""
    assert greeting(port) == 250
    # And it did something, which it has told before.
    installed = set(system.packages()) - set(packages)
    told = [line.split(": ")[1].split() for line in said[0].splitlines()
            if line.startswith("To be installed by apt: ")]
    assert installed == set(sum(told, []))
    assert installed.issuperset(TOOLS)
    assert not installed.intersection(UNWANTED)
    assert "Going on without " + " ".join(UNWANTED) in said[0]
    for name in UNPACKED:
        assert (system.root / "tree/build/packages/usr/sbin" / name).exists()
