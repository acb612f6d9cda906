# SPDX-License-Identifier: BSD-3-Clause
"""
A small Debian of our own, made from the package sources of this machine, in
which a mail server runs that is somebody's.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 240
STEP_SECONDS = 300
# One system that all others are copies of, made by who comes first.
STORE = REPOSITORY / "build/scratch"
BASE_PACKAGES = ("adduser", "exim4-daemon-light", "lsb-base")
BASE_SECONDS = 86400
# All is private, but for the network of some, and ends with the shell that reads
# the commands.  $1 is what lies below where only little will be written.
INIT = """
set -e
if [ -n "$1" ]; then
	mount -t tmpfs tmpfs "$0"
	mkdir "$0/upper" "$0/work"
	mount -t overlay -o "lowerdir=$1,upperdir=$0/upper,workdir=$0/work" \\
		overlay "$0"
fi
mount -t proc proc "$0/proc"
mount -t tmpfs -o mode=755 tmpfs "$0/dev"
for device in null zero full random urandom tty; do
	: >"$0/dev/$device"
	mount --bind "/dev/$device" "$0/dev/$device"
done
mkdir "$0/dev/pts"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$0/dev/pts"
ln -s pts/ptmx "$0/dev/ptmx"
ln -s /proc/self/fd "$0/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$0/run"
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


def make_base(root):
    options = root.with_name("apt.conf")
    apt_options(options)
    try:
        done = subprocess.run(
            # What it mounts goes with it, whatever ends it.
            ["unshare", "--mount-proc", "--pid", "--fork", "--kill-child",
             "mmdebstrap", "--quiet", "--mode=root", "--variant=apt",
             "--dpkgopt=force-unsafe-io", "--aptopt=%s" % options,
             "--include=" + ",".join(BASE_PACKAGES), "", str(root),
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
            shutil.copy(name, str(root) + name)


def base():
    """The system that others begin as, and a file which, as long as it is open,
    keeps it from being renewed."""
    STORE.mkdir(parents=True, exist_ok=True)
    made, making = STORE / "base", STORE / "new"
    lock = open(STORE / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not made.exists() or \
            time.time() - made.stat().st_ctime > BASE_SECONDS:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(making, ignore_errors=True)
        make_base(making)
        making.rename(made)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return made, lock


class Scratch:
    """root is the system as those inside see it, with what is mounted there.

    Without a network it lies above the base, and what is written there stays in
    memory; otherwise it is a copy, in which much can be installed.
    """

    def __init__(self, network=True):
        self.network = network
        self.shell = None
        made, self.lock = base()
        self.directory = Path(tempfile.mkdtemp(prefix="clamsmtp-setup-"))
        self.directory.chmod(0o755)
        self.place = self.directory / "root"
        try:
            if network:
                subprocess.run(["cp", "-a", str(made), str(self.place)],
                               check=True, timeout=STEP_SECONDS)
            else:
                self.place.mkdir()
            self._enter("" if network else str(made))
        except BaseException:
            self.remove()
            raise

    def _enter(self, below):
        private = [] if self.network else ["--net"]
        init = INIT if self.network else "ip link set lo up\n" + INIT
        self.shell = subprocess.Popen(
            ["unshare", "--mount", "--pid", *private, "--fork", "--kill-child",
             "sh", "-c", init, str(self.place), below],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=environment(),
            universal_newlines=True, bufsize=1, start_new_session=True)
        self.root = Path("/proc/%d/root%s" % (self.shell.pid, self.place))
        try:
            self.run("true")
        except BrokenPipeError:
            raise Unavailable("no namespaces")

    def run(self, command, network=True):
        """The output of a command inside, and its exit status if not 0."""
        enter = "timeout -k 9 %d %s chroot %s" % (
            STEP_SECONDS, "" if network else "unshare --net", self.place)
        self.shell.stdin.write("%s %s\n" % (enter, command))
        lines = []
        for line in self.shell.stdout:
            if line.endswith("END OF OUTPUT\n"):
                return "".join(lines) + line[:-len("END OF OUTPUT\n")]
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
        self.lock.close()
