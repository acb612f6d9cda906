# SPDX-License-Identifier: BSD-3-Clause
"""doc/opensmtpd.md: its files as they are written there, with OpenSMTPD of
Debian."""

import smtplib

import pytest

from howto import Machine, commands, running
from rig import CLOSE
from samples import EICAR

SETUP = """
for user in opensmtpd opensmtpq; do
	adduser --system --group --quiet --no-create-home --home /var/lib/opensmtpd/empty $user
done
install -d /var/lib/opensmtpd/empty /var/spool/smtpd /stubs
chmod 711 /var/spool/smtpd
chgrp opensmtpq /usr/sbin/smtpctl
chmod 2755 /usr/sbin/smtpctl
ln -sf smtpctl /usr/sbin/sendmail
ln -s /bin/true /stubs/service
useradd -m you
useradd -m other
echo 'alias: you, other' >/etc/aliases
"""


class Site(Machine):
    document = "opensmtpd.md"

    def set_up(self):
        super().set_up()
        self.shell(SETUP)
        self.shell("PATH=/stubs:$PATH\n" + commands("opensmtpd.md", "smtpd -n"))
        self.spawn("smtpd", "-d")
        self.wait_port(25)
        self.wait_port(10026)

    def queued(self):
        return len(self.shell("smtpctl show queue").splitlines())

    def flush(self):
        """Until nothing is queued: what is just being tried is not tried again."""
        self.settle(lambda: self.shell(commands("opensmtpd.md", "schedule all")) and False)


@pytest.fixture(scope="module")
def shared(fetched, work):
    yield from running(Site, fetched, work, "usr/sbin/smtpd")


@pytest.fixture
def site(shared):
    shared.clear()
    return shared


def test_the_messages_to_try(site):
    site.shell(commands("opensmtpd.md", "swaks"))
    site.settle()
    assert site.subjects("you") == ["clean"]
    assert len(site.clamd.scans) == 2


def test_an_alias_is_used_once(site):
    site.post("for two", recipients=["alias@example.org"])
    site.settle()
    assert site.subjects("you") == site.subjects("other") == ["for two"]
    assert len(site.clamd.scans) == 1


def test_who_is_not_there_is_refused_at_port_25(site):
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        site.post("unknown", recipients=["stranger@example.org"])


@pytest.mark.parametrize("body, arrives", [(b"text", ["local"]), (EICAR, [])], ids=["clean", "EICAR"])
def test_the_sendmail_command_is_filtered(site, body, arrives):
    site.shell("su -s /bin/sh other -c 'sendmail -i you@example.org'",
               input=b"Subject: local\n\n" + body + b"\n")
    site.settle()
    assert site.subjects("you") == arrives
    assert len(site.clamd.scans) == 1


def test_mail_waits_for_the_filter(site):
    site.stop_filter()
    site.post("clean")
    site.post("virus", EICAR.decode())
    assert site.queued() == 2 and site.subjects("you") == []
    site.start_filter()
    site.flush()
    assert site.subjects("you") == ["clean"]


def test_mail_waits_for_clamd(site):
    site.clamd.answer = CLOSE
    site.post("clean")
    site.wait(lambda: "451 4.3.0 Local Error" in site.shell("smtpctl show queue"), "it is put off")
    assert site.queued() == 1 and site.subjects("you") == []
    site.clear()
    site.flush()
    assert site.subjects("you") == ["clean"]


def test_notices_are_filtered_too(site):
    """A message to one who is not there is returned to one who is."""
    site.shell("su -s /bin/sh other -c 'sendmail -i -f other@example.org stranger@example.org'",
               input=b"Subject: local\n\ntext\n")
    site.settle()
    scan, = site.clamd.scans
    assert b"Subject: Delivery status notification" in scan.data
    assert any(subject.startswith("Delivery status notification") for subject in site.subjects("other"))
