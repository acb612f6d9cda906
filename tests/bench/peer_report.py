# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""What peers.py has found: kept as a file of figures, shown as tables and charts."""

import os
import shutil
import subprocess
import tempfile

from bench import TOP, write_report
from candidates import HERE

FIGURES = os.path.join(TOP, "build", "peers.tsv")
CASES = [(size, clients) for size in (4, 100) for clients in (1, 16)]
TITLE = {"daemon": "clamsmtpd", "original": "1.10", "amavis": "amavis", "haraka": "Haraka",
         "milter": "clamav-milter", "rspamd": "rspamd", "none": "no filter"}
NAMES = {"proxies": ("daemon", "original", "amavis", "haraka", "none"),
         "before": ("daemon", "milter", "rspamd", "none")}
HEAD = {"proxies": "proxy between client and server", "before": "Postfix, before its queue"}


def title(size, clients):
    return "%d KB, %d client%s" % (size, clients, "s" * (clients > 1))


ONE = [title(*case) for case in CASES if case[1] == 1]
MANY = [title(*case) for case in CASES if case[1] > 1]
ALL = [title(*case) for case in CASES]
# (what, of which cases, how it is called, its unit, how many of it are one)
ROWS = [("rate", ALL, "messages/s", 1), ("cpu", ALL, "CPU ms/message", 1), ("clamd", ALL, "clamd's CPU ms/message", 1),
        ("latency 50", ONE, "latency ms, median", 1), ("latency 99", ONE, "latency ms, 99 %", 1),
        ("at rest", [""], "memory at rest, MB", 1024), ("memory", MANY, "memory after it, MB", 1024),
        ("smtpd", MANY, "memory of smtpd after it, MB", 1024),
        ("idle", [""], "memory of an idle session, KB", 1)]
# name: (title, unit, where its scale begins, [(series, what, case, how many are one)])
CHARTS = {
    "rate": ("Messages a second (more is better)", "messages/s", 1, [(c, "rate", c, 1) for c in ALL]),
    "cpu": ("Processor time of a message, without clamd's (less is better)", "ms", 0.1,
            [(c, "cpu", c, 1) for c in ALL]),
    "memory": ("Memory (less is better)", "MB", 0.1, [("at rest", "at rest", "", 1024)] +
               [("after " + c, "memory", c, 1024) for c in MANY]),
    "latency": ("Time of a message, 1 client (less is better)", "ms", 0.1,
                [("%s, %s" % (c.split(",")[0], t), w, c, 1) for c in ONE
                 for t, w in (("median", "latency 50"), ("99 %", "latency 99"))]),
    "idle": ("Memory of an idle session (less is better)", "KB", 1, [("idle", "idle", "", 1)]),
}


def save(about, figures):
    os.makedirs(os.path.dirname(FIGURES), exist_ok=True)
    with open(FIGURES, "w") as f:
        f.write("# %s\n" % about)
        f.writelines("%s\t%.6g\n" % ("\t".join(key), value) for key, value in figures.items())


def load():
    """What the figures are of, and they themselves; no figures where none were kept."""
    if not os.path.exists(FIGURES):
        return "", {}
    with open(FIGURES) as f:
        about, *lines = f.read().splitlines()
    rows = [line.split("\t") for line in lines]
    return about[2:], {tuple(row[:4]): float(row[4]) for row in rows}


def shown(value):
    if value is None:
        return ""
    return "%.0f" % value if value >= 100 else "%.1f" % value if value >= 10 else "%.2f" % value


def tables(figures):
    for group, head in HEAD.items():
        names = [n for n in NAMES[group] if any(k[0] == group and k[3] == n for k in figures)]
        if not names:
            continue
        yield ["| %s | | %s |" % (head, " | ".join(TITLE[n] for n in names)), "|---|---|" + "---|" * len(names)]
        for what, cases, name, one in ROWS:
            for case in cases:
                values = [figures.get((group, case, what, n)) for n in names]
                if any(v is not None for v in values):
                    yield ["| %s | %s | %s |" % (case, name, " | ".join(shown(v and v / one) for v in values))]
        yield [""]


def quoted(words):
    return "\t".join('"%s"' % word for word in words)


def panel(path, group, series, figures):
    """Writes what gnuplot draws of a group; false where that is nothing."""
    rows = []
    for name in NAMES[group]:
        values = [figures.get((group, case, what, name)) for _, what, case, _ in series]
        if any(values):
            rows.append('"%s"\t%s' % (TITLE[name], "\t".join(
                "%g" % (value / one) if value else "?" for value, (*_, one) in zip(values, series))))
    with open(path, "w") as f:
        f.write("\n".join([quoted(["", *(s[0] for s in series)]), *rows, ""]))
    return rows


def chart(name, figures):
    """One panel for each group that has such figures."""
    head, unit, begin, series = CHARTS[name]
    path = os.path.join(TOP, "doc", "performance-%s.svg" % name)
    with tempfile.TemporaryDirectory() as work:
        panels = []
        for group in HEAD:
            data = os.path.join(work, group)
            if panel(data, group, series, figures):
                panels += [data, HEAD[group]]
        subprocess.run(["gnuplot", "-c", os.path.join(HERE, "peers.gp"), path, head, unit, str(begin),
                        str(len(series)), *panels], check=True)
    with open(path) as f:
        text = f.read().replace("<title>Gnuplot</title>", "<title>%s</title>" % head)
    with open(path, "w") as f:
        f.write(text)


def write(about, figures):
    text = about + "\n\n" + "\n".join(line for lines in tables(figures) for line in lines)
    write_report(text, "peers")
    if not shutil.which("gnuplot"):
        print("the charts are not drawn: gnuplot is missing")
        return
    for name in CHARTS:
        chart(name, figures)
