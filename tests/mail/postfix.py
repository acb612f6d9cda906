# SPDX-License-Identifier: BSD-3-Clause
"""
A Postfix of our own: its directories, ports and master process have nothing
in common with one that may run on this machine.  Its programs are those that
bootstrap has unpacked, or the host's; its accounts are two that every Debian
has.

    port -> smtpd -> queue -> content filter -> smtpd at back_port
         -> queue -> maildirs of example.test

What makes a content filter of the daemon is taken from doc/postfix.md, so the
tests hold for what an administrator copies from there.
"""

import grp
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

import packages
from clamsmtpd import REPOSITORY, answers, free_port, wait_for

DOMAIN = "example.test"
USERS = ("sender", "recipient", "other")
START_TRIES = 3
# Postfix wants two accounts that nothing else of it uses.
OWNER, SETGID_GROUP = "uucp", "games"

MAIN = """
compatibility_level = 2
enable_long_queue_ids = yes
mail_owner = {owner}
setgid_group = {setgid_group}
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {root}/etc/postfix
import_environment = MAIL_CONFIG TZ LANG=C {libraries}
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/log/mail.log
maillog_file_prefixes = {directory}/log
myhostname = mail.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:only {domain} lives here
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_mailbox_base = {directory}/mail
virtual_mailbox_limit = 0
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
# A bounce carries headers only, so no virus either.
bounce_size_limit = 1
smtpd_peername_lookup = no
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_relay_restrictions = permit_mynetworks, reject
# The tests flush the queue themselves.
minimal_backoff_time = 1h
maximal_backoff_time = 1h
queue_run_delay = 1h
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def program():
    """The path of the command postfix, or None."""
    return packages.find("postfix")


def howto(section, filter_port, back_port):
    """The indented lines below a heading of the how-to, with our ports."""
    text = (REPOSITORY / "doc" / "postfix.md").read_text()
    lines = text.split("## %s\n" % section)[1].split("\n## ")[0].split("\n")
    block = "".join(line[4:] + "\n" for line in lines
                    if line.startswith("    "))
    return block.replace("10025", str(filter_port)).replace(
        "10026", str(back_port))


def last_of_each(text):
    """main.cf with each parameter once.  Postfix's logger warns of others
    through itself, and stands still when it waits for itself."""
    last = {line.split(" =")[0]: line for line in text.split("\n")
            if line and line[0] not in "# "}
    return "\n".join(last.values()) + "\n"


class Postfix:
    def __init__(self, directory, filter_port):
        self.directory = Path(directory)
        self.config = self.directory / "etc"
        self.filter_port = filter_port
        self.port = self.back_port = None
        for name in ("etc", "queue", "data", "log"):
            (self.directory / name).mkdir(parents=True)
        self.directory.chmod(0o755)
        shutil.chown(self.directory / "data", OWNER)
        self._make_mail()

    def _make_mail(self):
        (self.directory / "mail").mkdir()
        shutil.chown(self.directory / "mail", "nobody", "nogroup")

    def _run(self, program, *arguments):
        return subprocess.run(
            [packages.find(program), "-c", str(self.config), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=packages.environment(), timeout=60)

    def _write_config(self):
        mailboxes = " ".join("%s@%s=%s/" % (user, DOMAIN, user)
                             for user in USERS)
        values = {"mailboxes": mailboxes, "directory": self.directory,
                  "domain": DOMAIN, "port": self.port,
                  "owner": OWNER, "setgid_group": SETGID_GROUP,
                  "root": str(packages.root(program())).rstrip("/"),
                  "libraries": "LD_LIBRARY_PATH=" + packages.LIBRARIES,
                  "uid": pwd.getpwnam("nobody").pw_uid,
                  "gid": grp.getgrnam("nogroup").gr_gid}
        for name, text in (("main.cf", MAIN), ("master.cf", MASTER)):
            text = text.format(**values) + self.additions(name)
            (self.config / name).write_text(
                last_of_each(text) if name == "main.cf" else text)

    def additions(self, name):
        """What a site adds to a file of Postfix's: the lines of the how-to."""
        return howto(name, self.filter_port, self.back_port)

    def start(self):
        for _ in range(START_TRIES):
            self.port, self.back_port = free_port(), free_port()
            self._write_config()
            done = self._run("postfix", "start")
            try:
                wait_for("Postfix greets", lambda: answers(self.port) and
                         answers(self.back_port), 20)
                return
            except AssertionError:
                self.stop()
        raise RuntimeError("Postfix does not start: %s\n%s" % (
            done.stdout.decode(), self.log()))

    def stop(self):
        """`postfix stop` ends the master process of this instance alone."""
        self._run("postfix", "stop")

    def flush(self):
        done = self._run("postqueue", "-f")
        assert done.returncode == 0, done.stdout

    def clear(self):
        """Forgets all mail, delivered or not."""
        self._run("postsuper", "-d", "ALL")
        shutil.rmtree(self.directory / "mail")
        self._make_mail()

    def log(self):
        path = self.directory / "log" / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def deferred(self):
        """How many messages wait for another try."""
        return sum(len(files) for _, _, files in
                   os.walk(self.directory / "queue" / "deferred"))

    def wait_settled(self, *queue_ids, seconds=30):
        """Returns when these messages, and all that were made of them, are
        delivered, discarded or returned.  A message enters the log before
        the one that it was made of is removed from the queue."""
        def unsettled():
            log = self.log()
            known = set(re.findall(r"/cleanup\[\d+\]: (\w+): mess", log))
            gone = set(re.findall(r"/(?:qmgr|postsuper)\[\d+\]: "
                                  r"(\w+): removed", log))
            return (known | set(queue_ids)) - gone
        try:
            wait_for("all mail settled", lambda: not unsettled(), seconds)
        except AssertionError:
            print(self.log())
            raise

    def mailbox(self, user="recipient"):
        """The messages delivered to user@DOMAIN so far, as octets."""
        new = self.directory / "mail" / user / "new"
        return [path.read_bytes() for path in sorted(new.glob("*"))]
