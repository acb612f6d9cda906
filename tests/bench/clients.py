# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""Who sends: smtp-source, and a client of our own where each reply counts."""

import random
import resource
import socket
import subprocess
import time

from candidates import DEADLINE


class Sent:
    """One run of smtp-source: its time, and processor time per message."""

    def __init__(self, rig, name, clients, messages, length, kept=False, file=None):
        """The message is that in the file, or one of that length."""
        argv = [rig.programs["smtp-source"], "-s", str(min(clients, messages)), "-m", str(messages),
                "-M", "bench.example", *(["-F", file] if file else ["-l", str(length)])] + ["-d"] * kept
        argv.append("127.0.0.1:%d" % rig.port[name])
        proxy = rig.process.get(name)
        standin = getattr(rig, "standin", None)
        before = proxy.settled_cpu() if proxy else 0
        scans = standin.cpu() if standin else 0
        sink = rig.sink.cpu()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=DEADLINE)
            self.error = done.stderr.decode(errors="replace").strip()[:200] if done.returncode else ""
        except subprocess.TimeoutExpired:
            self.error = "not done after %d s" % DEADLINE
        self.seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.rate = 0 if self.error else messages / self.seconds
        self.source_share = (after.ru_utime + after.ru_stime
                             - children.ru_utime - children.ru_stime) / self.seconds
        self.sink_share = (rig.sink.cpu() - sink) / self.seconds
        self.cpu = (proxy.settled_cpu() - before) / messages if proxy else 0
        self.scan = (standin.cpu() - scans) / messages if standin else 0


class Client:
    """A plain SMTP client that reads complete replies."""

    def __init__(self, port, source=None):
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reply(b"220")
        self.ask(b"EHLO bench.example\r\n", b"250")

    def reply(self, code):
        got = b""
        while True:
            more = self.socket.recv(4096)
            got += more
            last = got[got.rfind(b"\n", 0, -1) + 1:]
            if not more or (last.endswith(b"\n") and last[3:4] != b"-"):
                break
        if not last.startswith(code):
            raise RuntimeError("expected %r, got %r" % (code, got))

    def ask(self, octets, code):
        self.socket.sendall(octets)
        self.reply(code)

    def send(self, content):
        """content ends with the final dot."""
        self.ask(b"MAIL FROM:<a@bench.example>\r\n", b"250")
        self.ask(b"RCPT TO:<b@bench.example>\r\n", b"250")
        self.ask(b"DATA\r\n", b"354")
        self.ask(content, b"250")

    def quit(self):
        self.ask(b"QUIT\r\n", b"221")
        self.socket.close()


def timed(function, *args):
    began = time.perf_counter()
    function(*args)
    return time.perf_counter() - began


def one_message(port, content):
    client = Client(port)
    client.send(content)
    client.quit()


def mail(size):
    """A message of about size octets: text and a base64 attachment."""
    head = (b"From: <a@bench.example>\r\nTo: <b@bench.example>\r\nSubject: bench\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
            b"Some words.\r\n--b\r\nContent-Type: application/octet-stream; name=a.bin\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n")
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    noise = random.Random(1)
    line = (bytes(noise.choices(letters, k=76)) + b"\r\n" for _ in range(max(1, (size - len(head)) // 78)))
    return head + b"".join(line) + b"--b--\r\n"
