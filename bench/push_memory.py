"""What an idle socket costs each server: its resident memory before 5,000 of them and after, kernel buffers apart."""

from __future__ import annotations

from bench.push.stage import PULSE, opened
from bench.report import Figure, Report, Size, Verdict

REACH_KIB = 20.0


def main(size: Size) -> Report:
    sockets = size.crowds[-1]
    report = Report("push_memory", f"{sockets:,} sockets, each subscribed to a channel of its own, and nothing to tell")
    with opened(report, sockets, channels=sockets, limit=False) as sides:
        report.figures = [Figure(side.name, [side.kib], "KiB", "a socket") for side in sides]
    ours = report.figures[0]
    report.verdicts = [Verdict(f"{PULSE}, an idle socket", ours.value, REACH_KIB, "KiB", at_most=True)]
    return report
