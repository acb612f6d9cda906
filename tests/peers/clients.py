# SPDX-License-Identifier: BSD-3-Clause
"""
Mail programs as clients: each takes one message to a port of `host`.

A client has a name and
  send(port, content, recipient, auth)  which returns whether it was told that
                                        the mail was taken, or None where the
                                        program keeps it to itself
  finds                                 the file that must be there
"""

import json
import os
import smtplib
import socket
import tempfile
import time
from pathlib import Path

from postfix import Postfix, program

SENDER = "sender@example.test"
USER, PASSWORD = "user", "secret"
HERE = Path(__file__).resolve().parent
QUEUE_SECONDS = 20


class Client:
    """One that runs in the copy of the root."""

    no_auth = ""        # why it cannot do that here
    keeps = False       # the connection, for another message
    host = "127.0.0.1"

    def __init__(self, scratch, work, npm):
        self.scratch, self.work, self.npm = scratch, work, npm
        self.said = b""

    def available(self):
        return self.scratch.path(self.finds).exists()

    def prepare(self):
        """Once, before the first message."""

    def file(self, name, text, mode=0o600):
        path = self.work / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return str(path)

    def lines(self, content):
        """The message as programs of Unix take it."""
        return content.replace(b"\r\n", b"\n")

    def run(self, *command, **kw):
        done = self.scratch.run(*command, **kw)
        self.said = done.stdout
        return done.returncode == 0

    def stop(self):
        pass


class Smtplib(Client):
    name = "smtplib"

    def available(self):
        return True

    def send(self, port, content, recipient, auth):
        try:
            with smtplib.SMTP(self.host, port, timeout=QUEUE_SECONDS) as smtp:
                if auth:
                    smtp.login(USER, PASSWORD)
                smtp.sendmail(SENDER, [recipient], content, ["BODY=8BITMIME"])
        except smtplib.SMTPException as e:
            self.said = repr(e).encode()
            return False
        return True


class Curl(Client):
    name, finds = "curl", "/usr/bin/curl"

    def send(self, port, content, recipient, auth):
        login = ["--user", "%s:%s" % (USER, PASSWORD)] if auth else []
        return self.run("curl", "-sS", "--max-time", "20", "--url", "smtp://%s:%d/client.example.test" % (self.host, port),
                        "--mail-from", SENDER, "--mail-rcpt", recipient,
                        "--upload-file", self.file("curl.eml", content), *login)


class Swaks(Client):
    name, finds = "swaks", "/usr/bin/swaks"

    def send(self, port, content, recipient, auth):
        login = ["--auth-user", USER, "--auth-password", PASSWORD, "--auth", "LOGIN"] if auth else []
        return self.run("swaks", "--server", "%s:%d" % (self.host, port), "--from", SENDER, "--to", recipient,
                        "--timeout", "20", "--data", "@" + self.file("swaks.eml", self.lines(content)), *login)


class SwaksPipeline(Swaks):
    name = "swaks --pipeline"
    no_auth = "the same as swaks"

    def run(self, *command, **kw):
        return super().run(*command, "--pipeline", **kw)


class Msmtp(Client):
    name, finds = "msmtp", "/usr/bin/msmtp"

    def send(self, port, content, recipient, auth):
        login = ["--auth=plain", "--user=" + USER, "--passwordeval=echo " + PASSWORD] if auth else []
        return self.run("msmtp", "--file=/dev/null", "--host=" + self.host, "--port=%d" % port, "--from=" + SENDER,
                        "--tls=off", "--timeout=20", *login, recipient, input=self.lines(content))


class Nodemailer(Client):
    name, finds = "nodemailer", "/usr/bin/node"

    def available(self):
        return super().available() and (self.npm / "node_modules/nodemailer").is_dir()

    def send(self, port, content, recipient, auth):
        order = {"host": self.host, "port": port, "from": SENDER, "to": recipient, "file": self.file("node.eml", content),
                 "auth": {"user": USER, "pass": PASSWORD} if auth else None}
        return self.run("node", str(HERE / "client.js"), json.dumps(order), env={"NODE_PATH": str(self.npm / "node_modules")})


class Snail(Client):
    """It makes its own header."""

    name, finds = "s-nail", "/usr/bin/s-nail"

    def send(self, port, content, recipient, auth):
        head, body = self.lines(content).split(b"\n\n", 1)
        subject = [line[9:] for line in head.split(b"\n") if line.startswith(b"Subject: ")][0]
        login = "%s:%s@" % (USER, PASSWORD) if auth else ""
        kind = "plain" if auth else "none"
        return self.run("s-nail", "-:/", "-Sv15-compat", "-Ssendwait", "-Sencoding=8bit", "-Sttycharset=latin1",
                        "-Ssendcharsets=latin1", "-Ssmtp-auth=" + kind, "-Smta-bcc-ok", "-Snosave",
                        "-Smta=smtp://%s%s:%d" % (login, self.host, port), "-r", SENDER,
                        "-Ssmtp-hostname=example.test", "-s", subject.decode(), recipient, input=body)


class Nullmailer(Client):
    """The part of it that speaks SMTP; it is told what to send as in its queue."""

    name, finds = "nullmailer", "/usr/lib/nullmailer/smtp"

    def send(self, port, content, recipient, auth):
        queued = self.file("nullmailer.msg", b"%s\n%s\n\n" % (SENDER.encode(), recipient.encode()) +
                           self.lines(content))
        login = "--user=%s --pass=%s --auth-login " % (USER, PASSWORD) if auth else ""
        return self.run("sh", "-c", "/usr/lib/nullmailer/smtp --host=%s -p %d %s</dev/null 3<%s" % (
                            self.host, port, login, queued),
                        env={"HELOHOST": "client.example.test"})


class Dma(Client):
    name, finds = "dma", "/usr/sbin/dma"

    def prepare(self):
        assert self.run("sh", "-c", "mkdir -p /etc/dma /var/spool/dma && chmod 2775 /var/spool/dma"), self.said

    def send(self, port, content, recipient, auth):
        lines = ["SMARTHOST " + self.host, "PORT %d" % port, "SPOOLDIR /var/spool/dma", "MAILNAME example.test"]
        lines += ["AUTHPATH /etc/dma/auth.conf", "INSECURE"] if auth else []
        self.scratch.path("/etc/dma/dma.conf").write_text("\n".join(lines) + "\n")
        self.scratch.path("/etc/dma/auth.conf").write_text("%s|%s:%s\n" % (USER, self.host, PASSWORD))
        self.run("dma", "-D", "-i", "-f", SENDER, recipient, input=self.lines(content))


class Sendmail(Client):
    name, finds = "sendmail", "/usr/libexec/sendmail/sendmail"
    no_auth = "its SASL library needs plugins"

    def prepare(self):
        """It waits a minute for a name with a domain."""
        assert self.run("sh", "-c", "echo 127.0.0.1 $(hostname).example.test $(hostname) >/etc/hosts; "
                        "echo hosts files >/etc/service.switch"), self.said

    def send(self, port, content, recipient, auth):
        queue = self.work / "sendmail"
        queue.mkdir(exist_ok=True)
        cf = self.file("sendmail.cf", (HERE / "sendmail.cf").read_text()
                       .replace("@QUEUE@", str(queue)).replace("@HOST@", self.host).replace("@PORT@", str(port)))
        self.run(self.finds, "-C", cf, "-i", "-f", SENDER, recipient, input=self.lines(content))


class Exim(Client):
    name, finds = "Exim", "/usr/sbin/exim4"

    def prepare(self):
        assert self.run("sh", "-c", "echo Debian-exim:x:990:990::/var/spool/exim4:/bin/false >>/etc/passwd; "
                        "echo Debian-exim:x:990: >>/etc/group; mkdir -p /var/log/exim4 /var/spool/exim4; "
                        "chown 990:990 /var/log/exim4 /var/spool/exim4"), self.said

    def send(self, port, content, recipient, auth):
        config = self.scratch.path("/etc/exim-client.conf")
        config.write_text((HERE / "exim-client.conf").read_text().replace("@HOST@", self.host).replace("@PORT@", str(port)).replace(
            "@AUTH@", "hosts_require_auth = *" if auth else ""))
        self.run("exim4", "-C", "/etc/exim-client.conf", "-odf", "-oi", "-f", SENDER, recipient,
                 input=self.lines(content))


class Opensmtpd(Client):
    name, finds = "OpenSMTPD", "/usr/sbin/smtpd"
    keeps = True
    no_auth = "OpenSMTPD shows a password to nobody without TLS"

    def prepare(self):
        assert self.run("sh", "-c", "for n in opensmtpd:991 opensmtpq:992; do "
                        "echo ${n%:*}:x:${n#*:}:${n#*:}::/var/lib/opensmtpd/empty:/bin/false >>/etc/passwd; "
                        "echo ${n%:*}:x:${n#*:}: >>/etc/group; done; mkdir -p /var/lib/opensmtpd/empty"), self.said
        self.process = self.port = None

    def start(self, port):
        self.stop()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            listen = s.getsockname()[1]
        self.scratch.path("/etc/opensmtpd.conf").write_text(
            "listen on lo port %d\naction \"out\" relay host \"smtp://%s:%d\"\n"
            "match from any for any action \"out\"\n" % (listen, self.host, port))
        self.process = self.scratch.spawn("/usr/sbin/smtpd", "-d", "-f", "/etc/opensmtpd.conf",
                                          stdout=open(self.work / "opensmtpd.log", "ab"), stderr=-2)
        end = time.monotonic() + QUEUE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", listen), 5).close()
                break
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None, \
                    (self.work / "opensmtpd.log").read_text()
                time.sleep(0.05)
        self.port, self.listen = port, listen

    def send(self, port, content, recipient, auth):
        if self.port != port:
            self.start(port)
        with smtplib.SMTP("127.0.0.1", self.listen, timeout=QUEUE_SECONDS) as smtp:
            smtp.sendmail(SENDER, [recipient], content, ["BODY=8BITMIME"])

    def stop(self):
        if self.process is not None:
            self.scratch.run("sh", "-c", "kill $(cat /var/run/smtpd.pid) 2>/dev/null")
            self.process.terminate()
            self.process.wait()


class Relay(Postfix):
    """A Postfix that hands everything to one port."""

    host = ""

    def additions(self, name):
        if name == "main.cf":
            return ("relayhost = [%s]:%d\ndefault_transport = smtp\nvirtual_mailbox_domains =\n"
                    "maximal_queue_lifetime = 0\n" % (self.host, self.filter_port))
        return "127.0.0.1:%d inet n - n - - smtpd\nsmtp unix - - n - - smtp\n" % self.back_port


class PostfixClient(Client):
    name = "Postfix"
    no_auth = "its SASL library needs plugins"
    keeps = True
    postfix = None

    def available(self):
        return os.geteuid() == 0 and program() is not None

    def send(self, port, content, recipient, auth):
        if self.postfix is None or self.postfix.filter_port != port:
            self.stop()
            self.postfix = Relay(tempfile.mkdtemp(dir=self.work), port)
            self.postfix.host = self.host
            self.postfix.start()
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=QUEUE_SECONDS) as smtp:
            smtp.sendmail(SENDER, [recipient], content, ["BODY=8BITMIME"])

    def stop(self):
        if self.postfix is not None:
            self.postfix.stop()


ALL = [PostfixClient, Smtplib, Curl, Swaks, SwaksPipeline, Msmtp, Nodemailer, Snail, Nullmailer, Dma, Sendmail, Exim, Opensmtpd]
