# SPDX-License-Identifier: BSD-3-Clause
"""
Mail programs as servers behind the daemon.  Each refuses refused@peer.example and
keeps what it takes for anybody else there, one file a message.

  start()    returns when it listens at `port`
  arrived()  the messages so far
"""

import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path

from clamsmtpd import answers, free_port
from postfix import Postfix, program

HERE = Path(__file__).resolve().parent
START_SECONDS = 20


class Server:
    no_auth = ""        # why it cannot do that here
    process = None

    def __init__(self, scratch, work, fetched):
        self.scratch, self.fetched = scratch, fetched
        self.port = free_port()
        self.mail = work / ("server-" + self.name)
        self.log = open(work / (self.name + ".log"), "ab")
        for directory in (self.mail, self.mail / "new"):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o777)

    def available(self):
        return self.scratch.path(self.finds).exists()

    def start(self):
        self.process = self.spawn()
        end = time.monotonic() + START_SECONDS
        while not answers(self.port):
            assert self.process.poll() is None and time.monotonic() < end, \
                Path(self.log.name).read_text(errors="replace")[-2000:]
            time.sleep(0.05)

    def configure(self, file, to):
        text = (HERE / file).read_text()
        for word, value in (("@PORT@", self.port), ("@MAIL@", self.mail)):
            text = text.replace(word, str(value))
        self.scratch.path(to).write_text(text)

    def arrived(self):
        return [path.read_bytes() for path in (self.mail / "new").iterdir()]

    def clear(self):
        for path in (self.mail / "new").iterdir():
            path.unlink()

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        self.log.close()


class Aiosmtpd(Server):
    name = "aiosmtpd"

    def available(self):
        return (self.fetched / "root/usr/lib/python3/dist-packages/aiosmtpd").is_dir()

    def spawn(self):
        modules = self.fetched / "root/usr/lib/python3/dist-packages"
        return subprocess.Popen([sys.executable, str(HERE / "server.py"), str(self.port), str(self.mail / "new")],
                                env=dict(os.environ, PYTHONPATH=str(modules)), stdout=self.log, stderr=self.log)


class SmtpServer(Server):
    name, arguments = "smtp-server", []

    def available(self):
        return shutil.which("node") and (self.fetched / "npm/node_modules/smtp-server").is_dir()

    def spawn(self):
        return subprocess.Popen(["node", str(HERE / "server.js"), str(self.port), str(self.mail / "new")] +
                                self.arguments,
                                env=dict(os.environ, NODE_PATH=str(self.fetched / "npm/node_modules")),
                                stdout=self.log, stderr=self.log)


class LmtpServer(SmtpServer):
    name, arguments = "smtp-server-lmtp", ["lmtp"]


class Exim(Server):
    name, finds = "Exim", "/usr/sbin/exim4"

    def spawn(self):
        self.configure("exim-server.conf", "/etc/exim-server.conf")
        done = self.scratch.run("sh", "-c", "echo Debian-exim:x:990:990::/var/spool/exim4:/bin/false >>/etc/passwd; "
                                "echo Debian-exim:x:990: >>/etc/group; mkdir -p /var/log/exim4 /var/spool/exim4; "
                                "chown 990:990 /var/log/exim4 /var/spool/exim4")
        assert done.returncode == 0, done.stdout
        return self.scratch.spawn("exim4", "-C", "/etc/exim-server.conf", "-bdf", stdout=self.log, stderr=self.log)


class Opensmtpd(Server):
    name, finds = "OpenSMTPD", "/usr/sbin/smtpd"
    no_auth = "OpenSMTPD offers it under TLS only"

    def spawn(self):
        self.configure("opensmtpd-server.conf", "/etc/opensmtpd-server.conf")
        done = self.scratch.run("sh", "-c", "for n in opensmtpd:991 opensmtpq:992; do "
                                "echo ${n%:*}:x:${n#*:}:${n#*:}::/var/lib/opensmtpd/empty:/bin/false >>/etc/passwd; "
                                "echo ${n%:*}:x:${n#*:}: >>/etc/group; done; mkdir -p /var/lib/opensmtpd/empty")
        assert done.returncode == 0, done.stdout
        return self.scratch.spawn("smtpd", "-d", "-f", "/etc/opensmtpd-server.conf", stdout=self.log, stderr=self.log)


class Plain(Postfix):
    """A Postfix without a filter; `virtual` keeps the mail."""

    def additions(self, name):
        if name == "main.cf":
            nobody = pwd.getpwnam("nobody")
            return ("virtual_mailbox_domains = peer.example\n"
                    "virtual_mailbox_maps = inline:{ { recipient@peer.example = keep/ } }\n"
                    "virtual_uid_maps = static:%d\n" % nobody.pw_uid)
        return "127.0.0.1:%d inet n - n - - smtpd\n" % self.back_port


class PostfixServer(Server):
    name = "Postfix"
    no_auth = "it needs a SASL daemon"

    def available(self):
        return os.geteuid() == 0 and program() is not None

    def start(self):
        self.postfix = Plain(self.mail / "postfix", 0)
        self.postfix.start()
        self.port = self.postfix.port

    def arrived(self):
        return self.postfix.mailbox("keep")

    def clear(self):
        self.postfix.clear()

    def stop(self):
        self.postfix.stop()
        self.log.close()


ALL = [PostfixServer, Exim, Opensmtpd, Aiosmtpd, SmtpServer]
