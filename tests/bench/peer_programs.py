# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""The peers, each set to do what clamsmtpd does and nothing else: ask clamd about
the whole message, refuse what it finds, pass on the rest."""

import contextlib
import os
import shutil
import subprocess

from candidates import Process

SERVERS = 16  # amavis serves as many sessions at once as it has processes
MARKER = b"TEST-WORM-ONE-MARKER"
CLOCK = os.sysconf("SC_CLK_TCK")

CLAMD = """
Foreground yes
DatabaseDirectory {conf}
TemporaryDirectory {dir}
LocalSocket {clamd}
DisableCache yes
LogFile {dir}/found.log
StreamMaxLength 100M
MaxThreads 32
"""

DAEMON = """
Listen: 127.0.0.1:{port}
OutAddress: 127.0.0.1:{next}
ClamAddress: {clamd}
TempDirectory: {dir}
MaxConnections: {sessions}
TimeOut: 600
"""

# No spam, banned names, header checks or signatures; parts are not taken apart
# before clamd does so.
AMAVIS = r"""
use strict;
$daemon_user = 'amavis';
$daemon_group = 'amavis';
$MYHOME = '{dir}';
$TEMPBASE = $MYHOME;
$pid_file = "$MYHOME/pid";
$lock_file = "$MYHOME/lock";
$mydomain = 'bench.example';
$myhostname = 'amavis.bench.example';
$enable_db = 0;
$DO_SYSLOG = 0;
$log_level = 0;
$log_templ = undef;
$inet_socket_bind = '127.0.0.1';
$inet_socket_port = {port};
$forward_method = 'smtp:[127.0.0.1]:{next}';
$notify_method = $forward_method;
$max_servers = {servers};
$enable_dkim_verification = 0;
$enable_dkim_signing = 0;
$bypass_decode_parts = 1;
@bypass_spam_checks_maps = (1);
@bypass_banned_checks_maps = (1);
@bypass_header_checks_maps = (1);
$QUARANTINEDIR = undef;
$virus_admin = undef;
$final_virus_destiny = D_REJECT;
@av_scanners = (['ClamAV-clamd', \&ask_daemon, ["CONTSCAN {{}}\n", '{clamd}'],
	qr/\bOK$/m, qr/\bFOUND$/m, qr/^.*?: (?!Infected Archive)(.*) FOUND$/m]);
1;
"""

HARAKA = {
    "config/smtp.ini": "listen=127.0.0.1:{port}\n",
    "config/plugins": "anybody\nclamd\nqueue/smtp_forward\n",
    "config/log.ini": "level=ERROR\n",
    "config/me": "haraka.bench.example\n",
    "config/clamd.ini": "clamd_socket={clamd}\n",
    "config/smtp_forward.ini": "host=127.0.0.1\nport={next}\n",
    # Anybody may write to anybody, and no name server is asked who that is.
    "plugins/anybody.js": "exports.hook_rcpt = (next) => next(OK)\n"
                          "exports.hook_lookup_rdns = (next) => next(OK, 'bench.example')\n",
}

MILTER = """
Foreground yes
MilterSocket unix:{to}
MilterSocketMode 666
ClamdSocket unix:{clamd}
TemporaryDirectory {dir}
OnInfected Reject
"""

# Of all its modules the one for antivirus alone.
RSPAMD = """
options {{
	filters = "";
	dns {{ nameserver = ["127.0.0.1"]; }}
	tempdir = "{dir}"; rundir = "{dir}"; control_socket = "{dir}/control mode=0600";
	pidfile = "{dir}/pid"; cache_file = "{dir}/symbols"; hs_cache_dir = "/var/lib/rspamd";
}}
logging {{ type = "file"; filename = "{dir}/rspamd.log"; level = "error"; }}
worker "rspamd_proxy" {{
	bind_socket = "{to} mode=0666"; count = {cores}; milter = yes; timeout = 120s;
	upstream "local" {{ default = yes; self_scan = yes; }}
}}
actions {{ reject = 15; }}
modules {{ path = "/usr/share/rspamd/plugins/antivirus.lua"; }}
antivirus {{
	clamav {{ type = "clamav"; servers = "{clamd}"; symbol = "CLAM_VIRUS"; action = "reject"; scan_mime_parts = false; }}
}}
"""

# exec all along: the process is in the end the program itself.
ENTER = """
set -e
mount --rbind /dev "$1/dev"
mount --rbind /proc "$1/proc"
root=$1
shift
exec chroot "$root" "$@"
"""


class Tree(Process):
    """A program with all the processes that it started."""

    def pids(self):
        children = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open("/proc/%s/stat" % pid) as f:
                children.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(pid))
        found = [self.pid]
        for pid in found:
            found += children.get(pid, ())
        return found

    def cpu(self):
        """Seconds, with those of the children that have ended."""
        ticks = 0
        for pid in self.pids():
            with contextlib.suppress(OSError), open("/proc/%d/stat" % pid) as f:
                ticks += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:15]))
        return ticks / CLOCK

    def pss(self, chosen=lambda argv: True):
        """Kilobytes of those processes that are chosen by their arguments."""
        kilobytes = 0
        for pid in self.pids():
            with contextlib.suppress(OSError), open("/proc/%d/cmdline" % pid) as f:
                if not chosen(f.read().split("\0")):
                    continue
                with open("/proc/%d/smaps_rollup" % pid) as lines:
                    kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return kilobytes


class Programs:
    """What is installed, and how each is started; `work` is below /dev/shm, which
    those within the small system see as well."""

    def __init__(self, work, fetched, found):
        self.work, self.found = work, found
        self.root = os.path.join(fetched, "root")
        self.haraka = os.path.join(fetched, "npm/node_modules/Haraka/bin/haraka")
        self.clamd = os.path.join(work, "clamd/clamd.sock")

    def has(self, name):
        if name in ("daemon", "original"):
            return bool(self.found[name])
        if name == "haraka":
            return os.path.exists(self.haraka) and bool(self.found["node"])
        inside = {"amavis": "usr/sbin/amavisd", "milter": "usr/sbin/clamav-milter", "rspamd": "usr/bin/rspamd"}[name]
        return os.geteuid() == 0 and os.path.exists(os.path.join(self.root, inside))

    def write(self, key, name, text, **values):
        """A file with its values, and a directory that the program may write in;
        returns the file's path.  amavis wants them apart."""
        where = os.path.join(self.work, key)
        path = os.path.join(self.work, "conf", key, name)
        for directory in (where, os.path.dirname(path)):
            os.makedirs(directory, exist_ok=True)
        os.chmod(where, 0o777)
        with open(path, "w") as f:
            f.write(text.format(dir=where, conf=os.path.dirname(path),
                                clamd=self.clamd, servers=SERVERS, cores=os.cpu_count(), **values).lstrip())
        return path

    def start(self, key, argv, **popen):
        return Tree(argv, os.path.join(self.work, key + ".log"), **popen)

    def start_inside(self, key, *argv):
        return self.start(key, ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "enter",
                                self.root, *argv], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})

    def start_clamd(self):
        self.write("clamd", "test.ndb", "Test.Worm:0:*:%s\n" % MARKER.hex())
        return self.start("clamd", [self.found["clamd"], "-c", self.write("clamd", "clamd.conf", CLAMD)])

    def scans(self):
        """How many messages clamd has found something in."""
        with open(os.path.join(self.work, "clamd/found.log")) as log:
            return log.read().count("FOUND")

    def start_daemon(self, key, port, to, program="daemon", sessions=1100):
        conf = self.write(key, "conf", DAEMON, port=port, next=to, sessions=sessions)
        return self.start(key, [self.found[program], "-d", "1", "-f", conf])

    def start_original(self, key, port, to):
        return self.start_daemon(key, port, to, "original", 500)

    def start_amavis(self, key, port, to):
        conf = self.write(key, "conf", AMAVIS, port=port, next=to)
        return self.start_inside(key, "amavisd", "-c", conf, "foreground")

    def start_haraka(self, key, port, to):
        for name, text in HARAKA.items():
            conf = os.path.dirname(os.path.dirname(self.write(key, name, text, port=port, next=to)))
        shutil.copy(os.path.join(os.path.dirname(self.haraka), "../config/connection.ini"), conf + "/config")
        return self.start(key, [self.found["node"], self.haraka, "-c", conf])

    def start_milter(self, key, listen, _):
        return self.start_inside(key, "clamav-milter", "-c", self.write(key, "conf", MILTER, to=listen))

    def start_rspamd(self, key, listen, _):
        conf = self.write(key, "conf", RSPAMD, to=listen)
        return self.start_inside(key, "rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", conf)

    def versions(self):
        """Of those that are there, by name."""
        text = {}
        debian = {"amavis": "amavisd-new", "milter": "clamav-milter", "rspamd": "rspamd"}
        for name, package in debian.items():
            if self.has(name):
                done = subprocess.run(["dpkg-query", "--root", self.root, "-W", "-f", "${Version}", package],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                text[name] = done.stdout.decode()
        if self.has("haraka"):
            with open(os.path.join(os.path.dirname(self.haraka), "../package.json")) as f:
                text["haraka"] = [line.split('"')[3] for line in f if '"version"' in line][0]
        return text
