# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the clamsmtpd contributors
"""Prometheus, and node_exporter with its textfile collector, as Debian has them
(unpacked in build/packages), for test_monitoring.py and monitoring_picture.py."""

import json
import os
import subprocess
import urllib.parse
import urllib.request

from rig import ROOT, WAIT, free_port, wait_until

BIN = os.path.join(ROOT, "build", "packages", "usr", "bin")
PROMETHEUS, EXPORTER, PROMTOOL = (os.path.join(BIN, n) for n in ("prometheus", "prometheus-node-exporter", "promtool"))

CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""


class Monitor:
    """Both programs, which see the files *.prom of a directory."""

    def __init__(self, directory, textfiles):
        self.processes = []
        self.log = open(os.path.join(directory, "monitor.log"), "wb")
        exporter, self.port = free_port(), free_port()
        config = os.path.join(directory, "prometheus.yml")
        with open(config, "w", encoding="ascii") as f:
            f.write(CONFIG % (os.path.join(ROOT, "doc", "examples", "alerts.yml"), exporter))
        try:
            self.run(EXPORTER, "--collector.disable-defaults", "--collector.textfile",
                     "--collector.textfile.directory=" + textfiles, "--web.listen-address=127.0.0.1:%d" % exporter)
            self.run(PROMETHEUS, "--config.file=" + config, "--storage.tsdb.path=" + os.path.join(directory, "tsdb"),
                     "--web.listen-address=127.0.0.1:%d" % self.port)
            wait_until(self.sees_us, "the first metrics", 4 * WAIT)
        except BaseException:
            self.stop()
            raise

    def run(self, *argv):
        self.processes.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log))

    def get(self, path, **arguments):
        url = "http://127.0.0.1:%d/api/v1/%s?%s" % (self.port, path, urllib.parse.urlencode(arguments))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=WAIT) as f:
            answer = json.load(f)
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        """What Prometheus gives now: [(labels, value)]."""
        return [(r["metric"], float(r["value"][1])) for r in self.get("query", query=expression)["result"]]

    def query_range(self, expression, start, end, step=1):
        """The same over a time: [(labels, [(time, value)])]."""
        data = self.get("query_range", query=expression, start=start, end=end, step=step)
        return [(r["metric"], [(float(t), float(v)) for t, v in r["values"]]) for r in data["result"]]

    def sees_us(self):
        try:
            return self.query("clamsmtpd_build_info") != []
        except OSError:
            return False

    def stop(self):
        for p in self.processes:
            p.terminate()
        for p in self.processes:
            p.wait(WAIT)
        self.log.close()


def panels(dashboard=os.path.join(ROOT, "doc", "examples", "grafana.json")):
    """The dashboard's panels: [(title, [(expression, legend)])], with its variables
    filled in as Grafana does."""
    with open(dashboard, encoding="utf-8") as f:
        found = json.load(f)["panels"]
    return [(p["title"], [(t["expr"].replace("$instance", ".*").replace("$__rate_interval", "10s"), t["legendFormat"])
                          for t in p["targets"]]) for p in found]
