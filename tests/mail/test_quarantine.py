# SPDX-License-Identifier: BSD-3-Clause
"""What doc/quarantine.md tells of clamd itself, with a real one."""

import re
import shutil
import tempfile
from pathlib import Path

import pytest

import clamd
from clamsmtpd import REPOSITORY, wait_for
from samples import EICAR

if clamd.program() is None:
    pytest.skip("there is no clamd", allow_module_level=True)

NAME = "Eicar-Signature"


@pytest.fixture
def private():
    directory = Path(tempfile.mkdtemp(prefix="clamsmtpd-mail."))
    directory.chmod(0o755)
    one = clamd.PrivateClamd(directory / "clamd")
    database = one.directory / "database" / "test.ndb"
    # A second one, which is found when the first is ignored.
    database.write_text("%s:0:*:%s\nOther:0:*:%s\n" % (NAME, EICAR.hex(), b"other".hex()))
    one.start()
    try:
        yield one
    finally:
        one.stop()
        shutil.rmtree(directory)


def test_clamd_forgets_one_signature(private):
    text = (REPOSITORY / "doc" / "quarantine.md").read_text()
    line = re.search(r"`/var/lib/clamav/local\.ign2`:\n\n    (.*)\n", text).group(1)
    assert line == NAME
    file = private.directory / "file"
    file.write_bytes(EICAR)
    scan = "SCAN %s" % file
    assert clamd.ask(private.address, scan).endswith(": %s.UNOFFICIAL FOUND" % NAME)
    (private.directory / "database" / "local.ign2").write_text(line + "\n")
    assert clamd.ask(private.address, "RELOAD") == "RELOADING"
    wait_for("it is forgotten", lambda: clamd.ask(private.address, scan).endswith(": OK"), 30)
    file.write_bytes(EICAR + b"other")
    assert clamd.ask(private.address, scan).endswith(": Other.UNOFFICIAL FOUND")
