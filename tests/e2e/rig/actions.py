# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""What a FakeServer or a FakeClamd does at a step is an "action":

    bytes          sent as they are
    None           the default of the step
    (a, b, ...)    each in turn
    [a, b, ...]    a the first time the step is reached, b the second, ...;
                   the last one stays
    function       called with the connection and the line (FakeServer) or
                   with the scan (FakeClamd); what it returns is the action
    CLOSE RESET    close the connection by FIN or by RST
    HANG           no answer; what the peer sends is still read and recorded
    STALL          nothing is read any more until the peer leaves
    Sleep(s)       pause
    Hold()         pause until .release() is called; .reached is an event
    Drip(b, s)     send octet by octet with s seconds between
    ENDLESS_LINE   octets without a line end until the peer leaves
    ENDLESS_REPLY  continuation lines until the peer leaves
"""

import threading

from rig.basics import WAIT


class Special:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


CLOSE = Special("CLOSE")
RESET = Special("RESET")
HANG = Special("HANG")
STALL = Special("STALL")
ENDLESS_LINE = Special("ENDLESS_LINE")
ENDLESS_REPLY = Special("ENDLESS_REPLY")
ENDLESS_MAX = 64 << 20


class Sleep:
    def __init__(self, seconds):
        self.seconds = seconds


class Drip:
    def __init__(self, data, pause):
        self.data, self.pause = data, pause


class Hold:
    """A pause in a script that the test ends with release()."""

    def __init__(self):
        self.reached = threading.Event()
        self._go = threading.Event()

    def wait_reached(self):
        assert self.reached.wait(WAIT), "the script did not get to its Hold"

    def release(self):
        self._go.set()

    def pause(self):
        self.reached.set()
        self._go.wait(WAIT)
