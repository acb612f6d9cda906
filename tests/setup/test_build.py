# SPDX-License-Identifier: BSD-3-Clause
"""
Builds in the order of README, in a copy of the tree: what is compiled in is
what configure was told last.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BUILT = shutil.ignore_patterns(
    ".git", "build", "build-aux", "autom4te.cache", "aclocal.m4", "config*",
    "Makefile", "Makefile.in", "stamp-h1", ".deps", ".dirstamp", "*.o", "*.a",
    "*.t", "*.replay", "*.log", "*.trs", "clamsmtpd", "clamsmtp-*",
    "__pycache__", ".pytest_cache")
SECONDS = 180


def ignored(directory, names):
    if Path(directory) in (REPOSITORY, REPOSITORY / "src"):
        return BUILT(directory, names) - {"configure.ac", "config"}
    return BUILT(directory, names) - {
        name for name in names if name.startswith("config")}


# What is asked here does not depend on what a compiler makes of the code.
ENVIRONMENT = {**os.environ, "CFLAGS": "-O0"}


class Tree:
    def __init__(self, top):
        self.top = top
        shutil.copytree(REPOSITORY, top, ignore=ignored)

    def run(self, *command, status=0):
        done = subprocess.run(
            command, cwd=self.top, env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
        said = done.stdout.decode(errors="replace")
        assert done.returncode == status, said[-4000:]
        return said

    def configuration(self, program="src/clamsmtpd"):
        """The file that the program reads when it is not told otherwise."""
        return self.run(str(self.top / program), "-v").split(
            "config: ")[1].strip(" )\n")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    if shutil.which("autoconf") is None or shutil.which("make") is None:
        pytest.skip("autoconf, automake and make are needed")
    made = Tree(tmp_path_factory.mktemp("build") / "tree")
    made.run("./bootstrap")
    return made


def test_what_is_compiled_in_follows_configure(tree):
    assert tree.configuration() == "/usr/local/etc/clamsmtpd.conf"
    tree.run("./configure", "--prefix=/usr", "--sysconfdir=/etc")
    tree.run("make", "-j2")
    assert tree.configuration() == "/etc/clamsmtpd.conf"
    tree.run("make", "install", "DESTDIR=%s/there" % tree.top)
    assert tree.configuration("there/usr/sbin/clamsmtpd") == \
        "/etc/clamsmtpd.conf"
    assert (tree.top / "there/etc/clamsmtpd.conf").exists()


def test_flags_too_and_nothing_without_need(tree):
    compiles = "src/smtp/dotstuff.o"
    arguments = ["./configure", "--prefix=/usr", "--sysconfdir=/etc"]
    tree.run(*arguments)
    assert compiles not in tree.run("make", "V=0")
    tree.run(*arguments, "CPPFLAGS=-DMARK=\"1\"")
    assert compiles in tree.run("make", "V=0", compiles)


def test_make_check_says_that_it_leaves_out_the_dialogues(tree, tmp_path):
    (tmp_path / "pytest.py").write_text("raise ImportError\n")
    said = tree.run("env", "PYTHONPATH=%s" % tmp_path, "make", "check",
                    "TESTS=", "check_PROGRAMS=")
    assert "skipped: tests/e2e: there is no Python with pytest" in said


def test_who_waits_sees_that_it_goes_on():
    """At least every 15 seconds; these are shorter here."""
    pause = re.search(r"while sleep (\d+) ",
                      (REPOSITORY / "tests/beat.sh").read_text()).group(1)
    assert int(pause) <= 15
    script = ("sleep() { command sleep 0.01; }; . tests/beat.sh\n"
              "beat building & command sleep 0.5; kill $!")
    said = subprocess.run(["sh", "-c", script], cwd=REPOSITORY, check=True,
                          stdout=subprocess.PIPE, timeout=SECONDS).stdout
    assert [line.split() for line in said.decode().splitlines()[:2]] == [
        ["building:", pause, "s"], ["building:", str(2 * int(pause)), "s"]]
