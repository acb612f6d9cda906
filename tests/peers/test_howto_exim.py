# SPDX-License-Identifier: BSD-3-Clause
"""doc/exim.md: its files as they are written there, added to Debian's own
configuration of Exim."""

import re
import smtplib

import pytest

from howto import Machine, commands, running
from rig import CLOSE
from samples import EICAR

# What debconf's questions make.
DEBCONF = """dc_eximconfig_configtype='internet'
dc_other_hostnames='example.org'
dc_local_interfaces='127.0.0.1'
dc_use_split_config='true'
dc_localdelivery='maildir_home'
dc_minimaldns='true'
"""
SETUP = """
adduser --system --group --quiet --no-create-home --home /var/spool/exim4 --force-badname Debian-exim
install -d -o Debian-exim -g Debian-exim /var/log/exim4 /var/spool/exim4
install -d /var/lib/exim4 /stubs
ln -s /bin/true /stubs/service
useradd -m you
useradd -m other
echo 'alias: you, other' >/etc/aliases
"""


class Site(Machine):
    document = "exim.md"

    def set_up(self):
        super().set_up()
        self.write("/etc/exim4/update-exim4.conf.conf", DEBCONF)
        self.write("/etc/mailname", "example.org\n")
        self.shell(SETUP)
        self.shell("PATH=/stubs:$PATH\n" + commands("exim.md", "update-exim4.conf"))
        self.spawn("exim4", "-bdf", "-q30m")
        self.wait_port(25)
        self.wait_port(10026)

    def mainlog(self):
        return self.shell("cat /var/log/exim4/mainlog")

    def queued(self):
        return int(self.shell("exim4 -bpc"))

    def flush(self):
        self.shell("exim4 -qff")


@pytest.fixture(scope="module")
def shared(fetched, work):
    yield from running(Site, fetched, work, "usr/sbin/exim4", "etc/exim4/conf.d")


@pytest.fixture
def site(shared):
    shared.clear()
    return shared


def test_the_messages_to_try(site):
    site.shell(commands("exim.md", "swaks"))
    site.settle()
    assert site.subjects("you") == ["clean"]
    assert len(site.clamd.scans) == 2


def test_what_the_log_shows(site):
    """The first queue's line tells the name in the second."""
    site.post("logged")
    site.settle()
    log = site.mainlog()
    second, = re.findall(r' => you@example.org R=clamsmtpd T=clamsmtpd .* C="250 OK id=(\S+)"', log)[-1:]
    assert "%s => you <you@example.org> R=local_user" % second in log


def test_an_alias_is_used_once(site):
    site.post("for two", recipients=["alias@example.org"])
    site.settle()
    assert site.subjects("you") == site.subjects("other") == ["for two"]
    assert len(site.clamd.scans) == 1


def test_who_is_not_there_is_refused_at_port_25(site):
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        site.post("unknown", recipients=["stranger@example.org"])


@pytest.mark.parametrize("body, arrives", [(b"x" * 3000, ["local"]), (EICAR, [])], ids=["long line", "EICAR"])
def test_the_sendmail_command_is_filtered(site, body, arrives):
    site.shell("su -s /bin/sh other -c '/usr/sbin/exim4 -i you@example.org'", input=b"Subject: local\n\n" + body + b"\n")
    site.settle()
    assert site.subjects("you") == arrives
    assert len(site.clamd.scans) == 1


def test_mail_waits_for_the_filter(site):
    site.stop_filter()
    site.post("clean")
    site.post("virus", EICAR.decode())
    site.flush()
    assert site.queued() == 2 and site.subjects("you") == []
    site.start_filter()
    site.flush()
    site.settle()
    assert site.subjects("you") == ["clean"]


def test_mail_waits_for_clamd(site):
    site.clamd.answer = CLOSE
    site.post("clean")
    site.flush()
    assert site.queued() == 1 and site.subjects("you") == []
    site.clear()
    site.flush()
    site.settle()
    assert site.subjects("you") == ["clean"]


def test_it_is_tried_again_soon(site):
    assert "127.0.0.1" in site.shell("exim4 -brt 127.0.0.1").replace("Retry rule: ", "", 1)


def test_only_this_machine_reaches_the_second_port(site):
    listeners = re.findall(r"(\w+):(\w{4}) 0+:0000 0A", site.shell("cat /proc/net/tcp /proc/net/tcp6"))
    assert [address for address, port in listeners if port == "272A"] == ["0100007F"]
