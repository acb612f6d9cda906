# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""The clients of a soak: each session has some messages, and faults of its own."""

import time

from rig import Client, stuff
from soak_parties import FAULTY, FORGED, Parting, View, digest, mail_line, rcpt_line


class Left(Exception):
    """The client went away by its own will."""


class SoakClient:
    """One session with some messages; its own faults come from its dice."""

    def __init__(self, soak, numbers, dice):
        self.soak, self.numbers, self.dice = soak, numbers, dice

    def content(self, number):
        dice = self.dice
        lines = [b"X-Number: %d" % number, b"Subject: soak", b""]
        for _ in range(dice.choice((1, 1, 1, 5, 50, 2000 if dice.random() < 0.2 else 10))):
            lines.append(dice.choice((b".", b"..", b".x", b"", b"text " * 10, b"RSET", b"QUIT", b"\0nul\xff8bit",
                                      b"x" * dice.randrange(300))))
        infected = dice.random() < 0.1
        if infected:
            lines.append(b"INFECTED:Soak.%d" % number)
        return b"\r\n".join(lines) + b"\r\n", infected

    def fails(self):
        return self.dice.random() < FAULTY

    def leave(self, c):
        """FIN, RST, or silence until the daemon has had enough."""
        with self.soak.ledger.lock:
            self.soak.ledger.faults += 1
        how = self.dice.random()
        if how < 0.45:
            c.close()
        elif how < 0.9:
            c.reset()
        else:
            c.rest()
        raise Left

    def say(self, c, data):
        if self.fails():
            c.send(data[:self.dice.randrange(len(data))])
            self.leave(c)
        if self.fails():  # in two pieces
            n = self.dice.randrange(len(data))
            c.send(data[:n])
            time.sleep(self.dice.random() / 20)
            data = data[n:]
        c.send(data)

    def ask(self, c, line):
        self.say(c, line + b"\r\n")
        return c.reply()

    def noise(self, c):
        """Things a daemon must survive; the replies do not matter."""
        line = self.dice.choice((b"NOOP\0", b"x" * 9000, b"BDAT 10\r\n0123456789", b"STARTTLS", b"XCLIENT ADDR=1.2.3.4",
                                 b"VRFY \rx", b"DATA", b"", b"RSET"))
        return self.ask(c, line)

    def hurry(self, c):
        """It waits for nothing, and its text would make a message by itself:
        nothing of that may be read as commands."""
        with self.soak.ledger.lock:
            self.soak.ledger.faults += 1
        c.send(b"DATA\r\n" + mail_line(FORGED) + b"\r\n" + rcpt_line(FORGED) + b"\r\nDATA\r\n" +
               b"X-Number: %d\r\n\r\nforged\r\n.\r\n" % FORGED)
        c.rest()
        raise Left

    def message(self, c, number):
        content, infected = self.content(number)
        view = View(infected)
        view.digest = digest(content)
        if self.dice.random() < FAULTY / 3:
            view.parting = Parting()
        with self.soak.ledger.lock:
            self.soak.ledger.views[number] = view
        try:
            if self.fails():
                self.noise(c)
            hurries = self.fails()
            for line in (mail_line(number), rcpt_line(number), b"DATA"):
                if hurries and line == b"DATA":
                    self.hurry(c)
                reply = self.ask(c, line)
                if reply[:1] not in (b"2", b"3"):
                    view.reply = reply
                    return self.ask(c, b"RSET")[:3] == b"250"
            if reply[:3] != b"354":  # out of step with the server: give up
                return False
            self.say(c, stuff(content) + b".\r\n")
            if self.dice.random() < FAULTY / 3:
                self.leave(c)
            if view.parting is not None and view.parting.leave(c):
                raise Left
            view.reply = c.reply()
            return view.reply[:1] == b"2"
        except (Left, OSError):
            view.stayed = False
            return False

    def run(self):
        try:
            c = Client(self.soak.address, greet=False, timeout=30)
        except OSError:
            self.soak.wait_for_daemon()
            return
        with c:
            try:
                if c.reply()[:3] != b"220" or self.ask(c, b"EHLO soak.example")[:3] != b"250":
                    return
            except (Left, OSError):
                return
            while self.numbers and self.message(c, self.numbers.pop()):
                pass
            try:
                c.send(b"QUIT\r\n")
            except OSError:
                pass
