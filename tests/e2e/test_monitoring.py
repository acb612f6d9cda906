# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""doc/monitoring.md: the alerts, and the dashboard before a real Prometheus that
collects a real run."""

import os
import re
import signal
import subprocess
import threading
import time

import pytest

from monitor import EXPORTER, PROMETHEUS, PROMTOOL, Monitor, panels
from rig import INFECTED, ROOT

EXAMPLES = os.path.join(ROOT, "doc", "examples")
needs_promtool = pytest.mark.skipif(
    not os.access(PROMTOOL, os.X_OK), reason="no promtool (./bootstrap packages check)")
needs_prometheus = pytest.mark.skipif(
    not (os.access(PROMETHEUS, os.X_OK) and os.access(EXPORTER, os.X_OK)),
    reason="no Prometheus with node_exporter (./bootstrap packages check)")

# Nothing of the kind happens in this run.
EMPTY_IS_RIGHT = {"Share that failed"}


def promtool(*arguments):
    p = subprocess.run([PROMTOOL, *arguments], cwd=EXAMPLES, capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout + p.stderr
    return p.stdout


@needs_promtool
def test_the_alerts_are_rules():
    assert "10 rules found" in promtool("check", "rules", "alerts.yml")


@needs_promtool
def test_the_alerts_fire_when_they_should():
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


def test_each_alert_has_a_test_and_its_row_in_the_document():
    with open(EXAMPLES + "/alerts.yml", encoding="utf-8") as f:
        names = re.findall("alert: ([A-Za-z]+)", f.read())
    assert len(names) == 10
    with open(EXAMPLES + "/alerts_test.yml", encoding="utf-8") as f:
        tests = f.read()
    with open(ROOT + "/doc/monitoring.md", encoding="utf-8") as f:
        document = f.read()
    for name in names:
        assert re.search("alertname: %s\n +exp_alerts:\n" % name, tests), name
        assert "`%s`" % name in document, name


def check_script():
    """The check for Nagios, as the document has it."""
    with open(ROOT + "/doc/monitoring.md", encoding="utf-8") as f:
        return re.search(r"    (#!/bin/sh\n    out=.*\n)", f.read())[1].replace("\n    ", "\n")


@pytest.mark.parametrize("status, said, code", [(0, "OK - viruses are found", 0), (1, "CRITICAL - clamd is deaf", 2)])
def test_the_check_for_nagios(directory, status, said, code):
    with open(directory + "/clamsmtpd", "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n[ \"$*\" = '-T -f /etc/clamsmtpd.conf' ] || exit 99\n"
                "echo a table; echo clamd is deaf >&2; exit %d\n" % status)
    os.chmod(directory + "/clamsmtpd", 0o755)
    p = subprocess.run(["sh", "-c", check_script()], env={"PATH": directory + ":" + os.environ["PATH"]},
                       capture_output=True, text=True, check=False)
    assert (p.stdout.strip(), p.returncode) == (said, code)


def test_the_sandbox_leaves_the_file_writable(tmp_path):
    """The commands of the document, with a root of the test's own."""
    with open(ROOT + "/doc/monitoring.md", encoding="utf-8") as f:
        document = f.read()
    block = re.search(r"(?m)((?:^    .*\n)+)", document.split("sandbox leaves writable")[1])[1]
    script = re.sub("(?m)^    # ", "", block).replace(" -g clamsmtp", "")
    for top in ("/etc/", "/var/"):
        script = script.replace(top, str(tmp_path) + top)
    (tmp_path / "systemctl").write_text("#!/bin/sh\n")
    (tmp_path / "systemctl").chmod(0o755)
    subprocess.run(["sh", "-ec", script], env={"PATH": "%s:%s" % (tmp_path, os.environ["PATH"])}, check=True)
    opened, = tmp_path.glob("etc/systemd/system/clamsmtp.service.d/*.conf")
    named, = re.findall(r"(?m)^    StatsFile: (.*)$", document)
    directory = str(tmp_path) + os.path.dirname(named)
    assert os.path.isdir(directory)
    assert opened.read_text() == "[Service]\nReadWritePaths=-%s\n" % directory


@pytest.fixture
def running(make, directory):
    """A daemon that has work, and a Prometheus that sees it."""
    os.mkdir(directory + "/textfiles")
    r = make(StatsFile=directory + "/textfiles/clamsmtpd.prom", level=3)
    monitor = Monitor(directory, directory + "/textfiles")
    over = threading.Event()

    def work():
        while not over.is_set():
            with r.client() as c:
                for _ in range(5):
                    c.mail()
                c.mail(INFECTED)
            r.daemon.signal(signal.SIGUSR1)
            time.sleep(0.3)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield r, monitor
    finally:
        over.set()
        worker.join()
        monitor.stop()


@needs_prometheus
def test_each_expression_of_the_dashboard(running):
    _, monitor = running
    time.sleep(6)
    for title, targets in panels():
        for expression, legend in targets:
            found = monitor.query(expression)
            assert found or title in EMPTY_IS_RIGHT, (title, expression)
            wanted = set(re.findall(r"{{(\w+)}}", legend))
            for labels, value in found:
                assert wanted <= set(labels), (title, legend, labels)
                assert value == value, (title, expression, "not a number")


@needs_prometheus
def test_the_mail_is_counted_and_no_alert_fires(running):
    _, monitor = running
    time.sleep(3)
    counts = {labels["outcome"]: n for labels, n in monitor.query("clamsmtpd_messages_total")}
    assert counts["clean"] >= 5 and counts["infected"] >= 1 and counts["failed"] == 0
    assert monitor.query('ALERTS{alertstate="firing"}') == []
    assert monitor.query('time() - node_textfile_mtime_seconds{file=~".*clamsmtpd\\\\.prom"}')[0][1] < 60
