# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The harness of the end-to-end tests, one file a role.

basics    programs, limits, what waits    words   octets that come back
actions   what the fakes do at a step     peer    what both fakes share
clamd     a scripted clamd                client  a raw SMTP client
upstream  a scripted mail server          daemon  the daemon under test
manager   plays the service manager
rig       a daemon with its fakes       impatient  a build that waits seconds

A test takes all names from here.
"""

# flake8: noqa: F401
from rig.actions import (CLOSE, ENDLESS_LINE, ENDLESS_REPLY, HANG, RESET, STALL, Drip, Hold, Sleep)
from rig.basics import (ENVIRONMENT, OURS, ROOT, THREADS_KEPT, WAIT, WRAPPER, free_port, original, reset_socket,
                        stuff, unstuff, wait_until)
from rig.clamd import FakeClamd, OnCommand, OnConnect, Scan, verdict
from rig.client import Client
from rig.daemon import Daemon
from rig.impatient import AGE, BUDGET, CONNECT, LOOK, PROOF, REPLY, STREAMED, impatient, needs_compiler
from rig.manager import Manager, hand_over
from rig.peer import Gone
from rig.rig import Rig
from rig.upstream import FakeServer, Message, ServerConnection
from rig.words import (BUSY, CONTENT, DISCARDED, FACTS, FOUND, GREETING, INFECTED, LOCAL_ERROR, NO_SERVER, NONSENSE, OK,
                       QUEUED, REJECTED, SERVER_CLOSED, START_DATA, STOPPING, TIMED_OUT, facts_of, is_summary, old_part)
