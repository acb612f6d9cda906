# SPDX-License-Identifier: BSD-3-Clause
"""
The daemon at work: real clamd behind it, a small receiving server after it,
four messages through it.  Shows what became of each; exits 1 when one of
them did not end as it should.  With --stay the daemon then goes on until ^C.
"""

import argparse
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "mail"))

import clamd  # noqa: E402
import clamsmtpd  # noqa: E402
import samples  # noqa: E402

HEADER = b"X-Virus-Scanned: ClamAV using ClamSMTP\r\n"
# The machine's own signatures are millions; loading them takes a while.
LOAD_SECONDS = 300
START_TRIES = 5
STOP_SECONDS = 30


class Receiver(socketserver.ThreadingTCPServer):
    """The mail server behind the daemon: keeps each message it is given."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ReceiverSession)
        self.port = self.server_address[1]
        self.messages = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class ReceiverSession(socketserver.StreamRequestHandler):
    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.reply("220 receiver.example.test ESMTP")
        for line in self.rfile:
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                self.reply("354 Go on")
                self.server.messages.append(self.content())
                self.reply("250 2.0.0 Taken as message %d"
                           % len(self.server.messages))
            elif verb == b"EHLO":
                self.reply("250-receiver.example.test\r\n250 8BITMIME")
            elif verb == b"QUIT":
                self.reply("221 2.0.0 Bye")
                return
            else:
                self.reply("250 2.0.0 Ok")

    def content(self):
        octets = b""
        for line in self.rfile:
            if line == b".\r\n" and (not octets or octets.endswith(b"\r\n")):
                break
            octets += line[1:] if line.startswith(b".") else line
        return octets


class Daemon:
    """The daemon in the foreground; its log is read by a thread."""

    def __init__(self, program, directory, receiver, clam_address):
        self.program, self.directory = program, Path(directory)
        self.options = {"OutAddress": "127.0.0.1:%d" % receiver.port,
                        "ClamAddress": clam_address,
                        "TempDirectory": self.directory,
                        "Action": "bounce",
                        "User": clamd.user()}
        if clamd.user() is not None:
            shutil.chown(self.directory, clamd.user())
        self.process, self.log, self.echo = None, [], False

    def start(self):
        # A port that was free a moment ago may be taken by now.
        for _ in range(START_TRIES):
            self.port = clamsmtpd.free_port()
            self.log.clear()
            config = self.directory / "clamsmtpd.conf"
            clamsmtpd.write_config(
                config, Listen="127.0.0.1:%d" % self.port, **self.options)
            self.process = subprocess.Popen(
                [self.program, "-d", "4", "-f", str(config)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, start_new_session=True)
            self.reader = threading.Thread(target=self.read, daemon=True)
            self.reader.start()
            clamsmtpd.wait_for("the daemon accepts connections", lambda:
                               self.process.poll() is not None or
                               self.logged("accepting connections"))
            if self.process.poll() is None:
                return
            self.reader.join()
        raise RuntimeError("the daemon ended:\n" + "\n".join(self.log))

    def read(self):
        for octets in self.process.stderr:
            line = octets.decode(errors="replace").rstrip("\n")
            self.log.append(line)
            if self.echo:
                print(line, flush=True)

    def logged(self, text, start=0):
        return [line for line in self.log[start:] if text in line]

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def open_clamd(directory, cleanup):
    """Address of a clamd that answers, and a line that says which."""
    address = clamd.machine()
    if address is not None:
        return address, "the one that runs on this machine"
    database = clamd.machine_database()
    if database is not None:
        print("Starting clamd with the signatures of %s; this takes a "
              "while ..." % database, flush=True)
        try:
            private = clamd.PrivateClamd(directory / "clamd", database)
            cleanup.append(private.stop)
            private.start(LOAD_SECONDS)
            return private.address, "a private one, signatures of %s" \
                % database
        except RuntimeError as error:
            print("This did not work: %s" % error)
    private = clamd.PrivateClamd(directory / "clamd-test")
    cleanup.append(private.stop)
    private.start()
    return private.address, "a private one, with a test signature of EICAR"


def judge(infected, content, reply, summary, arrived):
    """What arrived, in words, and what should have been, if it was not."""
    if not arrived:
        words = "nothing"
    elif arrived == [content]:
        words = "the message unchanged, without our header"
    elif len(arrived) == 1 and arrived[0].replace(HEADER, b"", 1) == content:
        words = "the message unchanged, with %s" % HEADER.decode().strip()
    else:
        words = "something else: %r" % arrived
    if infected:
        right = (reply.startswith("550 ") and "status=VIRUS:" in summary
                 and not arrived)
        wanted = "550, FOUND, nothing"
    else:
        right = (reply.startswith("250 ") and "status=CLEAN" in summary
                 and HEADER in b"".join(arrived)
                 and words.startswith("the message unchanged"))
        wanted = "250, OK, the message with our header"
    return words, None if right else wanted


def send_all(daemon, receiver):
    """Returns how many messages did not end as they should."""
    wrong = 0
    for number, (title, infected, content) in enumerate((
            ("a clean message", False, samples.clean()),
            ("EICAR, plain", True, samples.eicar_plain()),
            ("EICAR in a zipped attachment", True, samples.eicar_zip()),
            ("a message with a NUL octet in a line", False, samples.nul())),
            1):
        log_start, before = len(daemon.log), len(receiver.messages)
        reply = clamsmtpd.send(daemon.port, content)
        # The summary is the last line about a message.
        summary = clamsmtpd.wait_for(
            "the summary of the message in the log",
            lambda: daemon.logged(": from=", log_start))[0]
        said = daemon.logged("CLAMAV < ", log_start)
        verdict = said[-1].split("CLAMAV < ")[1] if said else "nothing"
        arrived, wanted = judge(infected, content, reply, summary,
                                receiver.messages[before:])
        print("%d. %s\n   sender was told  %s\n   clamd said       %s\n"
              "   arrived          %s" % (number, title, reply, verdict,
                                          arrived), flush=True)
        if wanted is not None:
            wrong += 1
            print("   WRONG            expected: %s" % wanted, flush=True)
    return wrong


PICTURE = """
  a client                clamsmtpd                  mail server
     |                        |                          |
     |  2 clean messages ---> |  scanned: OK, OK ------> |  2 arrived
     |  <--- 250              |  <--- 250                |
     |                        |                          |
     |  2 with EICAR -------> |  scanned: FOUND, FOUND   |  nothing
     |  <--- 550              |  (clamd, shown each      |
     |                        |   before the server is)  |
"""

# What to do now.
NEXT = """
Send it mail of your own:      ./bootstrap demo --stay
Put it behind your Postfix:    doc/postfix.md, step by step
Read what it says and does:    man -l doc/clamsmtpd.8
"""

STAY = """
The daemon goes on at 127.0.0.1, port {port}; its console log follows; ^C ends it.
To send it something clean, something infected, or without swaks:

    swaks --server 127.0.0.1:{port} --from a@example.test --to b@example.test
    swaks --server 127.0.0.1:{port} --from a@example.test --to b@example.test \\
        --body '{eicar}'
    python3 -c "import smtplib; print(smtplib.SMTP('127.0.0.1', {port}).sendmail( \\
        'a@example.test', 'b@example.test', 'Subject: hello') or 'taken')"
"""


def stay(daemon):
    print(STAY.format(port=daemon.port, eicar=samples.EICAR.decode()),
          flush=True)
    daemon.echo = True
    daemon.process.wait()
    return 1


def run(arguments, directory, cleanup):
    address, which = open_clamd(directory, cleanup)
    receiver = Receiver()
    spool = directory / "clamsmtpd"
    spool.mkdir(mode=0o700)
    daemon = Daemon(arguments.daemon, spool, receiver, address)
    cleanup.append(daemon.stop)
    daemon.start()
    version = clamd.ask(address, "VERSION") or "clamd"
    print("clamd:   %s (%s)\ndaemon:  127.0.0.1, port %d, Action: bounce\n"
          "server:  127.0.0.1, port %d\n" % (version, which, daemon.port,
                                             receiver.port), flush=True)
    wrong = send_all(daemon, receiver)
    print("%d of 4 messages ended as they should." % (4 - wrong), flush=True)
    if wrong:
        return 1
    print(PICTURE, end="", flush=True)
    if arguments.stay:
        return stay(daemon)
    print(NEXT, end="", flush=True)
    return 0


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--daemon", default=clamsmtpd.PROGRAM)
    parser.add_argument("--stay", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    cleanup = []
    directory = Path(tempfile.mkdtemp(prefix="clamsmtp-demo-"))
    # clamd and the daemon, started as root, become another user.
    directory.chmod(0o755)
    try:
        return run(arguments, directory, cleanup)
    except KeyboardInterrupt:
        print("\nstopped")
        return 0 if arguments.stay else 1
    except (AssertionError, OSError, RuntimeError) as error:
        print("demo: %s" % error)
        return 1
    finally:
        for action in reversed(cleanup):
            action()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
