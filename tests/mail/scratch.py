# SPDX-License-Identifier: BSD-3-Clause
"""
A copy of this machine's root that is thrown away, with more laid over it: what
is done there changes nothing of the machine itself.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

NEEDED = ("unshare", "nsenter", "chroot", "mount")
SECONDS = 120

# $1 is the copy's directory; LAYERS what is laid over /, SHARED what is the same
# directory in both, TREE what is copied as well though it may be another file
# system.
MAKE = r"""
set -e
mount -t tmpfs scratch "$1"
cd "$1"
mkdir upper work root tree treework
mount -t overlay scratch -o "lowerdir=/,upperdir=upper,workdir=work" root
cd root
for layer in $LAYERS; do
	tar -C "$layer" -c . | tar -x --keep-directory-symlink
done
mkdir -p run tmp
mount -t tmpfs scratch tmp
chmod 1777 tmp
mkdir -p ".$TREE"
mount -t overlay scratch -o "lowerdir=$TREE,upperdir=$1/tree,workdir=$1/treework" ".$TREE"
for directory in $SHARED; do
	mkdir -p ".$directory"
	mount --bind "$directory" ".$directory"
done
mount -t proc proc proc
mount --rbind /dev dev
[ -z "$ALONE" ] || ip link set lo up
echo ready
exec sleep 3600
"""


class Impossible(Exception):
    """There can be no such copy here; the words say why."""


class Scratch:
    """layers: directories laid over the root; shared: host directories that the
    copy has, too; tree: one whose copy it has; alone: without the host's network.
    Nothing that was started in it lives longer than it."""

    def __init__(self, tree, layers=(), shared=(), alone=False):
        missing = [name for name in NEEDED if not shutil.which(name)]
        if os.geteuid() != 0 or missing:
            raise Impossible("a copy of the root needs root " + " ".join(missing))
        self.directory = Path(tempfile.mkdtemp(prefix="clamsmtpd-scratch."))
        spaces = "-mnpf" if alone else "-mpf"
        self.keeper = subprocess.Popen(
            ["unshare", spaces, "--kill-child", "sh", "-c", MAKE, "sh", str(self.directory)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=dict(os.environ, LAYERS=" ".join(map(str, layers)), TREE=str(tree),
                     SHARED=" ".join(map(str, shared)), ALONE="1" if alone else ""))
        said = self.keeper.stdout.readline()
        if said != b"ready\n":
            self.close()
            raise Impossible("no copy of the root: " + said.decode(errors="replace").strip())
        children = Path("/proc/%d/task/%d/children" % (self.keeper.pid, self.keeper.pid)).read_text()
        self.inside = ["nsenter", "-m", "-p", "-n", "-t", children.split()[0],
                       "chroot", str(self.directory / "root")]

    def path(self, inside):
        """A path of the copy as this process reaches it."""
        pid = self.inside[self.inside.index("-t") + 1]
        return Path("/proc/%s/root%s/root%s" % (pid, self.directory, inside))

    def run(self, *command, env=(), **kw):
        """As subprocess.run; stdout has both outputs."""
        kw.setdefault("timeout", SECONDS)
        if "input" not in kw:
            kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([*self.inside, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin", **dict(env)), **kw)

    def spawn(self, *command, **kw):
        return subprocess.Popen([*self.inside, *command], **kw)

    def close(self):
        self.keeper.kill()
        self.keeper.wait()
        self.keeper.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
