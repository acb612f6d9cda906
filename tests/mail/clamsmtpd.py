# SPDX-License-Identifier: BSD-3-Clause
"""The daemon as the demonstration and the mail-system test start it."""

import os
import smtplib
import socket
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLAMSMTPD", str(REPOSITORY / "src" / "clamsmtpd"))


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def write_config(path, **options):
    """Writes `Name: value` lines; an option that is None is left out."""
    Path(path).write_text("".join(
        "%s: %s\n" % pair for pair in options.items() if pair[1] is not None))


def wait_for(what, condition, seconds=60):
    """Returns the first true value of condition(); AssertionError if none
    comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %d s: %s" % (seconds, what))
        time.sleep(0.05)


def answers(port):
    """True when a server greets on this port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            return sock.makefile("rb").readline().startswith(b"220")
    except OSError:
        return False


def send(port, content, sender="sender@example.test",
         recipients=("recipient@example.test",), helo="client.example.test",
         source="127.0.0.1"):
    """Sends octets as they are; returns the reply that decided, as text."""
    with smtplib.SMTP("127.0.0.1", port, helo, timeout=60,
                      source_address=(source, 0)) as smtp:
        smtp.ehlo()
        reply = smtp.mail(sender)
        for recipient in recipients:
            if reply[0] // 100 == 2:
                reply = smtp.rcpt(recipient)
        if reply[0] // 100 == 2:
            reply = smtp.data(content)
        return "%d %s" % (reply[0], reply[1].decode(errors="replace"))
