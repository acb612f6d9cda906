# SPDX-License-Identifier: BSD-3-Clause
"""
A small Debian of our own, made from the package sources of this machine, in
which a mail server runs that is somebody's.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 240
STEP_SECONDS = 300
# The network is the machine's, for the package servers; all else is private,
# and ends with the shell that reads the commands.
INIT = """
set -e
mount -t proc proc "$0/proc"
mount --bind /dev "$0/dev"
mount -t tmpfs tmpfs "$0/run"
while read -r command; do
	eval "$command" </dev/null 2>&1 || echo "exit status $?"
	echo "END OF OUTPUT"
done
"""
# What no installation can leave alone: lists, caches and logs.
PASSING = ("proc", "dev", "run", "tmp", "tree", "var/cache", "var/lib/apt",
           "var/lib/dpkg", "var/log", "var/spool/exim4", "etc/ld.so.cache")


class Unavailable(Exception):
    """Why there is no such system here."""


def environment():
    kept = {name: value for name, value in os.environ.items()
            if name.lower().endswith("_proxy")}
    return dict(kept, PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root",
                LC_ALL="C")


def package_sources():
    return [str(path) for pattern in (
        "sources.list", "sources.list.d/*.list", "sources.list.d/*.sources")
        for path in sorted(Path("/etc/apt").glob(pattern))]


def apt_options(path):
    """How this machine gets to its package servers."""
    done = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE,
                          check=True)
    path.write_text("".join(
        line + "\n" for line in done.stdout.decode().splitlines()
        if line.startswith("Acquire::http") and "Timeout" not in line))


class Scratch:
    def __init__(self, *packages):
        self.directory = Path(tempfile.mkdtemp(prefix="clamsmtp-setup-"))
        self.directory.chmod(0o755)
        self.root = self.directory / "root"
        self.shell = None
        try:
            self._make(packages)
            self._enter()
        except BaseException:
            self.remove()
            raise

    def _make(self, packages):
        options = self.directory / "apt.conf"
        apt_options(options)
        try:
            done = subprocess.run(
                ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt",
                 "--dpkgopt=force-unsafe-io", "--aptopt=%s" % options,
                 "--include=" + ",".join(packages), "", str(self.root),
                 *package_sources()],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, env=environment(),
                timeout=BUILD_SECONDS)
        except subprocess.TimeoutExpired:
            raise Unavailable("mmdebstrap is too slow here")
        if done.returncode != 0:
            raise Unavailable("mmdebstrap: %s" % " ".join(
                done.stdout.decode(errors="replace").split("\n")[-4:]))
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            if os.path.exists(name):
                shutil.copy(name, str(self.root) + name)

    def _enter(self):
        self.shell = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child",
             "sh", "-c", INIT, str(self.root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=environment(),
            universal_newlines=True, bufsize=1, start_new_session=True)
        try:
            self.run("true")
        except BrokenPipeError:
            raise Unavailable("no namespaces")

    def run(self, command, network=True):
        """The output of a command inside, and its exit status if not 0."""
        enter = "timeout -k 9 %d %s chroot %s" % (
            STEP_SECONDS, "" if network else "unshare --net", self.root)
        self.shell.stdin.write("%s %s\n" % (enter, command))
        lines = []
        for line in self.shell.stdout:
            if line == "END OF OUTPUT\n":
                return "".join(lines)
            lines.append(line)
        raise Unavailable("no namespaces: %s" % "".join(lines))

    def files(self):
        """Path to what is to be the same: of a file size, time and mode, of a
        link where it points to."""
        found = {}
        for directory, below, names in os.walk(self.root):
            inside = os.path.relpath(directory, self.root)
            below[:] = [name for name in below if os.path.normpath(
                os.path.join(inside, name)) not in PASSING]
            for name in names + below:
                path = os.path.join(directory, name)
                state = os.lstat(path)
                key = os.path.normpath(os.path.join(inside, name))
                if os.path.islink(path):
                    found[key] = os.readlink(path)
                elif not os.path.isdir(path) and key not in PASSING:
                    found[key] = (state.st_size, state.st_mtime_ns,
                                  state.st_mode, state.st_uid)
        return found

    def services(self):
        """The links by which services are started."""
        return {path: where for path, where in self.files().items()
                if isinstance(where, str) and (
                    path.startswith("etc/systemd/") or
                    path.startswith("etc/rc"))}

    def packages(self):
        """Name to version and state."""
        return dict(line.split(" ", 1) for line in self.run(
            "dpkg-query -W -f '${Package} ${Version} ${Status}\\n'"
        ).splitlines())

    def settings(self):
        """The answers that debconf keeps, one paragraph each."""
        path = self.root / "var/cache/debconf/config.dat"
        return set(path.read_text().split("\n\n"))

    def remove(self):
        if self.shell is not None:
            self.shell.stdin.close()
            self.shell.wait(STEP_SECONDS)
            self.shell.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)
