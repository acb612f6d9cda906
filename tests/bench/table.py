# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
"""The goals with what was reached, and the figures behind them."""

import os
import statistics

from candidates import ORDER, TITLE


class Table:
    """The goals with what was reached, and the figures behind them."""

    def __init__(self):
        self.goals = []
        self.figures = []
        self.notes = []
        self.missed = 0

    def goal(self, case, goal, aim, reached, is_met, is_aim=None):
        verdict = "not measured" if is_met is None else "aim" if is_aim else "ok" if is_met else "MISS"
        self.missed += verdict == "MISS"
        self.goals.append((case, goal, aim, reached, verdict))
        print("  %-44s goal %-22s aim %-9s reached %-34s %s" % self.goals[-1], flush=True)

    def at_least(self, case, what, value, goal, aim, unit="×", more=""):
        shown = None if value is None else "%.2f %s%s" % (value, unit, more)
        self.goal(case, "≥ %g %s %s" % (goal, unit, what), "%g" % aim if aim else "", shown or "-",
                  value is not None and value >= goal if value is not None else None,
                  aim and value is not None and value >= aim)

    def at_most(self, case, what, value, goal, aim, unit="×", more=""):
        shown = None if value is None else "%.2f %s%s" % (value, unit, more)
        self.goal(case, "≤ %g %s%s" % (goal, unit, " " + what if what else ""), "%g" % aim if aim else "",
                  shown or "-", value <= goal if value is not None else None,
                  aim and value is not None and value <= aim)

    def figure(self, case, what, values):
        self.figures.append((case, what, values))
        print("    %-42s %s" % (case + ", " + what, "   ".join(
            "%s %s" % (TITLE[n], values[n]) for n in ORDER if n in values)), flush=True)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
            print("    note: " + text, flush=True)

    def markdown(self, about):
        out = [about, "", "| case | goal | aim | reached | |", "|---|---|---|---|---|"]
        out += ["| %s | %s | %s | %s | %s |" % row for row in self.goals]
        out += ["", "| figures (medians) | | " + " | ".join(TITLE[n] for n in ORDER) + " |",
                "|---|---|" + "---|" * len(ORDER)]
        out += ["| %s | %s | %s |" % (case, what, " | ".join(values.get(n, "") for n in ORDER))
                for case, what, values in self.figures]
        if self.notes:
            out += [""] + ["* " + note for note in self.notes]
        return "\n".join(out) + "\n"


def median(values):
    values = list(values)
    return statistics.median(values) if values else None


def bound(rounds):
    """What a relay would reach of its own rate if each of its messages also
    cost the processor time that the stand-in for clamd takes, with nothing
    added for asking it: for what keeps all processors busy."""
    value = median(1 / (1 + r["daemon"].scan * r["relay"].rate / os.cpu_count())
                   for r in rounds if "daemon" in r and "relay" in r and r["relay"].rate)
    return "" if value is None else " (relay + stand-in: %.2f)" % value


def ratio(rounds, over, under, key):
    """The median of the ratios within the rounds; None where one is missing."""
    pairs = [(key(r[over]), key(r[under])) for r in rounds if over in r and under in r]
    return median(a / b for a, b in pairs if a and b)
