"""Frames to one socket each: 500 sockets on 500 channels, then 5,000 on 5,000; the same servers in turns."""

from __future__ import annotations

from bench.push.stage import PULSE, Load, figures_of, opened, take_turns
from bench.report import Report, Size, Verdict

REACH, REACH_FLAT = 20_000.0, 0.9
TOGETHER = 100  # told between two turns of the server's loop, or before its answer is waited for


def main(size: Size) -> Report:
    report = Report("push_routing", "every channel has one socket, and every frame goes to one channel")
    rates = []
    for sockets in (size.crowds[-1] // 10, size.crowds[-1]):
        with opened(report, sockets, channels=sockets) as sides:
            take_turns(sides, Load(sockets, TOGETHER), size.seconds / 4, size.rounds)
            figures = figures_of(sides, f"{sockets:,} channels")
            report.figures += figures
            rates.append(figures[0].value)
    few, many = rates
    report.verdicts = [
        Verdict(f"{PULSE}, {size.crowds[-1]:,} channels", many, REACH, "/s"),
        Verdict(f"{PULSE}, ten times the channels : one", many / few, REACH_FLAT),
    ]
    return report
