# SPDX-License-Identifier: BSD-3-Clause
"""The example that the manual begins with, as it is pasted."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from rig import OURS, WAIT

MANUAL = Path(__file__).resolve().parents[2] / "doc" / "clamsmtpd.8"


def test_the_first_example(tmp_path):
    block = re.search(r"^\.Bd -literal.*?\n(.*?)^\.Ed", MANUAL.read_text(), re.S | re.M).group(1)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert ":20025\n" in block and ":25\n" in block
        block = block.replace(":20025\n", ":%d\n" % port)
        block = block.replace(":25\n", ":%d\n" % server.getsockname()[1])
        free.close()
        program = os.path.realpath(OURS)
        path = "%s:%s" % (os.path.dirname(program), os.environ["PATH"])
        with subprocess.Popen(["sh", "-ec", block], cwd=tmp_path, env={**os.environ, "PATH": path},
                              start_new_session=True, stderr=subprocess.PIPE) as shell:
            try:
                deadline = time.monotonic() + WAIT
                while True:
                    try:
                        client = socket.create_connection(("127.0.0.1", port), WAIT)
                        break
                    except ConnectionRefusedError:
                        assert shell.poll() is None, shell.stderr.read()
                        assert time.monotonic() < deadline
                        time.sleep(0.05)
                with client:
                    server.settimeout(WAIT)
                    upstream, _ = server.accept()
                    with upstream:
                        upstream.sendall(b"220 mail.example\r\n")
                        assert client.recv(100) == b"220 smtp.passthru\r\n"
            finally:
                os.killpg(shell.pid, signal.SIGTERM)
