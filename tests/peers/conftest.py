# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of peers share: programs that were fetched, in a copy of the
root, and a directory that both roots have."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
for wing in ("mail", "e2e"):
    sys.path.insert(0, str(HERE.parent / wing))

from scratch import Impossible, Scratch  # noqa: E402

FETCHED = REPOSITORY / "build" / "peers"
FETCH_SECONDS = 300


@pytest.fixture(scope="session")
def fetched():
    subprocess.run(["sh", str(HERE / "fetch.sh"), str(FETCHED)], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=FETCH_SECONDS)
    return FETCHED


@pytest.fixture(scope="module")
def work():
    directory = Path(tempfile.mkdtemp(prefix="clamsmtpd-peers."))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def scratch(fetched, work):
    try:
        copy = Scratch(REPOSITORY, layers=[fetched / "root"], shared=[work])
    except Impossible as e:
        pytest.skip(str(e))
    with copy:
        yield copy
