# SPDX-License-Identifier: BSD-3-Clause
"""The messages that the demonstration and the mail-system test send."""

import base64
import io
import zipfile

# The harmless test file that every scanner knows, in two pieces, so that no
# scanner takes this source file for it.
EICAR = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-"
         rb"ANTIVIRUS-TEST-FILE!$H+H*")


def message(subject, body, sender="sender@example.test",
            recipient="recipient@example.test", extra=()):
    """A message as it goes over the wire; `body` is octets with CRLF."""
    head = ["From: <%s>" % sender, "To: <%s>" % recipient,
            "Subject: " + subject,
            "Date: Sun, 22 Nov 2026 20:00:00 +0000", *extra]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def clean(**envelope):
    return message("clean", b"Nothing but words.\r\n.a line with a dot\r\n",
                   **envelope)


def nul(**envelope):
    return message("a NUL octet", b"before\0after\r\nthe next line\r\n",
                   **envelope)


def eicar_plain(**envelope):
    return message("EICAR plain", EICAR + b"\r\n", **envelope)


def _attachment(subject, name, octets, envelope):
    encoded = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    body = (b"--part\r\nContent-Type: text/plain\r\n\r\nSee attachment.\r\n"
            b"--part\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: base64\r\n"
            b'Content-Disposition: attachment; filename="' + name +
            b'"\r\n\r\n' + encoded + b"--part--\r\n")
    return message(subject, body, extra=(
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="part"'), **envelope)


def eicar_base64(**envelope):
    return _attachment("EICAR in base64", b"eicar.com", EICAR, envelope)


def eicar_zip(**envelope):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as handle:
        handle.writestr("eicar.com", EICAR)
    return _attachment("EICAR in a zip", b"eicar.zip", archive.getvalue(),
                       envelope)
