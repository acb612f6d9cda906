# SPDX-License-Identifier: BSD-3-Clause
"""The messages that peers send and take."""

HEAD = b"From: sender@example.test\r\nTo: %s\r\nSubject: %s\r\n"
MIME = (b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n")
WORDS = b"Nothing but words.\r\n"
BODIES = {
    "plain": WORDS,
    "no pipelining": WORDS,
    "dotted": b".\r\n..\r\n.a line\r\na line.\r\n. \r\n",
    "8 bit": b"\xe9t\xe9 \xff\r\n" * 3,
    "large": b"".join(b"%07d " % n + b"x" * 60 + b"\r\n" for n in range(20000)),
    "virus": b"INFECTED:Worm.Test\r\n",
    "refused": b"Some will not read it.\r\n",
    "auth": WORDS,
}


def content(sample, to):
    return HEAD % (to.encode(), sample.encode()) + (MIME if sample == "8 bit" else b"") + b"\r\n" + BODIES[sample]
