# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Octets that come back in many tests, and the parts of a summary."""

import re

CONTENT = b"Subject: test\r\nFrom: a@example.org\r\n\r\nHello.\r\n"
INFECTED = CONTENT + b"INFECTED:Eicar-Test-Signature\r\n"

# The daemon's replies.
GREETING = b"220 smtp.passthru\r\n"
START_DATA = b"354 Start mail input; end with <CRLF>.<CRLF>\r\n"
LOCAL_ERROR = b"451 Local Error\r\n"
NO_SERVER = b"421 Cannot reach the mail server, try again later\r\n"
TIMED_OUT = b"421 Timed out, closing connection\r\n"
SERVER_CLOSED = b"421 The mail server closed the connection\r\n"
NONSENSE = b"421 The mail server cannot be understood\r\n"
STOPPING = b"421 Shutting down, try again later\r\n"
BUSY = b"421 Server busy, too many connections\r\n"
REJECTED = b"550 Virus Detected; Content Rejected\r\n"
DISCARDED = b"250 Virus Detected; Discarded Email\r\n"

# What FakeServer says of a message that it took.
QUEUED = b"250 2.0.0 queued as 4711\r\n"

# What clamd says; FakeClamd fills it in.
OK, FOUND = b"{path}: OK{end}", b"{path}: Worm FOUND{end}"

# The summary of a message in the log.
FACTS = ("action", "skip", "refused", "virus", "size", "scan", "clamd", "client", "helo", "msgid",
         "ident", "queue", "server")
_fact = re.compile("(?:^|, )(?=(?:%s)=)" % "|".join(FACTS))


def is_summary(line):
    return re.match("[0-9A-F]{6}: (from=|to=|status=|action=|size=)", line) is not None


def old_part(summary):
    """What 1.10 wrote of it: all before the facts."""
    return _fact.split(summary, maxsplit=1)[0]


def facts_of(summary):
    """The facts as a dictionary."""
    return dict(part.split("=", 1) for part in _fact.split(summary)[1:])
