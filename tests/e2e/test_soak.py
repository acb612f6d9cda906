# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""A short run of soak.py; `soak.py --messages 20000` is the long one."""

import soak


def test_soak(capsys):
    report = soak.soak(messages=600, seed=2026, clients=50)
    with capsys.disabled():
        print("", *report, sep="\n")
