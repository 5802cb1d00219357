"""One frame to 1,000 and to 5,000 sockets: Pulse, other servers, and a bare loop on Pulse's own sockets, in turns.

Frames come alone: the next is told when the server has taken the one before. Then ten together, as after a pause of the log.
"""

from __future__ import annotations

from statistics import median

from bench.push.stage import CHANNELS, LIMIT, PULSE, SOCKETIO, Load, figures_of, opened, take_turns
from bench.report import Figure, Report, Size, Verdict

REACH_PEERS, REACH_LIMIT, REACH_WRITES = 8.0, 0.8, 0.2
ALONE, TOGETHER = Load(channels=1, together=1), Load(channels=1, together=10)


def main(size: Size) -> Report:
    report = Report("push_fan_out", "one frame of 300 B to every socket of one channel")
    for sockets in size.crowds:
        with opened(report, sockets, channels=1) as sides:
            take_turns(sides, ALONE, size.seconds / 4, size.rounds)
            found = {side.name: median(got.cpu for got in side.rounds) for side in sides}
            report.notes.append(_by_processor_time(found, sockets))
            report.figures += figures_of(sides, f"{sockets:,} sockets")
            report.verdicts += _verdicts(report.figures[-len(sides) :], list(found), sockets)
            quick = [side for side in sides if side.name not in {SOCKETIO, CHANNELS}]
            take_turns(quick, TOGETHER, size.seconds / 4, size.rounds)
            writes = [found.writes for found in quick[0].rounds]
            report.figures += figures_of(quick, f"{sockets:,} sockets, ten together")
            report.verdicts.append(
                Verdict(
                    f"{PULSE}'s writes a frame, ten together, {sockets:,} sockets", max(writes), REACH_WRITES, "", True
                )
            )
    return report


def _by_processor_time(cpu: dict[str, float], sockets: int) -> str:
    """The same ratios, which others that use the machine change less."""
    ratios = [f"{name} {seconds / cpu[PULSE]:.2f}" for name, seconds in cpu.items() if name != PULSE]
    return f"by processor time, {sockets:,} sockets, {PULSE} : {', '.join(ratios)}"


def _verdicts(figures: list[Figure], names: list[str], sockets: int) -> list[Verdict]:
    rates = {name: figure.value for name, figure in zip(names, figures, strict=True)}
    return [
        Verdict(f"{PULSE} : {name}, {sockets:,} sockets", rates[PULSE] / rates[name], reach)
        for name, reach in ((SOCKETIO, REACH_PEERS), (CHANNELS, REACH_PEERS), (LIMIT, REACH_LIMIT))
        if name in rates
    ]
