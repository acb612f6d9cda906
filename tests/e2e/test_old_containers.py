# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""System calls that an old kernel does not know, or that the filter of an old
container denies (seccomp(2)): mail passes without them."""

import ctypes
import errno
import os
import platform
import struct

import pytest

from rig import CONTENT, INFECTED, QUEUED

# Of x86_64: asm/unistd_64.h.  What libc itself cannot do without is not among them.
CALLS = {"sendfile": 40, "sched_setscheduler": 144, "accept4": 288, "prlimit64": 302,
         "getrandom": 318, "copy_file_range": 326, "statx": 332, "pidfd_open": 434, "close_range": 436,
         "openat2": 437, "faccessat2": 439}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ERRNO, ALLOW = 0x00050000, 0x7fff0000
LARGE = CONTENT + b"x" * 70 + b"\r\n" + (b"y" * 76 + b"\r\n") * 20000

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is one for x86_64")


def deny(numbers, error):
    """A preexec function: these system calls fail with error."""
    code = [(LOAD, 0, 0, 0)]
    for i, number in enumerate(numbers):
        code.append((JUMP_IF_EQUAL, len(numbers) - i, 0, number))
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ERRNO | error)]
    octets = b"".join(struct.pack("HBBI", *c) for c in code)
    libc = ctypes.CDLL(None, use_errno=True)
    array = ctypes.create_string_buffer(octets, len(octets))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(array)))

    def apply():
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
                libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0:
            os._exit(99)
    apply.keep = array
    return apply


def check(make, names, error, **options):
    r = make(start=False, **options)
    r.daemon.preexec = deny([CALLS[n] for n in names], error)
    r.daemon.start()
    with r.client() as c:
        c.ehlo()
        assert c.mail(CONTENT) == QUEUED
        assert c.mail(LARGE) == QUEUED
        assert c.mail(INFECTED) == b"250 Virus Detected; Discarded Email\r\n"
        c.quit()
    assert [m.content for m in r.server.messages][1].endswith(LARGE[-1000:])
    assert len(r.clamd.scans) == 3


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM, errno.EACCES], ids=errno.errorcode.get)
@pytest.mark.parametrize("name", sorted(CALLS))
def test_each(make, name, error):
    check(make, [name], error)


@pytest.mark.parametrize("mode", ["stream", "scan"])
def test_all_of_them(make, mode):
    check(make, sorted(CALLS), errno.EPERM, ScanMode=mode, Quarantine="on", VirusAction="true")
