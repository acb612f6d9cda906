# SPDX-License-Identifier: BSD-3-Clause
"""aiosmtpd: keeps each message as a file of the directory argv[2]."""

import os
import signal
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        name = os.path.join(sys.argv[2], str(self.count))
        with open(name + ".part", "wb") as f:
            f.write(envelope.content)
        os.rename(name + ".part", name)
        return "250 OK"


def judge(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"user", b"secret"))


Controller(Handler(), hostname="127.0.0.1", port=int(sys.argv[1]), authenticator=judge,
           auth_require_tls=False, data_size_limit=20000000).start()
signal.sigwait([signal.SIGTERM])
os._exit(0)
