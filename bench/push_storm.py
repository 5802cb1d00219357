"""2,000 clients come back at once with their cursors, each to a chat where something was said meanwhile, while other
chats go on: when the last of them has what it missed, and how long those who stayed wait for a message.
"""

from __future__ import annotations

import time
from typing import Any

from bench.child import Child
from bench.machine import MEASURED, REST
from bench.paced import delivery_figures, latencies
from bench.push.client import paced_at
from bench.push.stage import PULSE, Busy, progress
from bench.report import Figure, Report, Size, Verdict, percentile
from bench.servers import SECRET, WEBHOOK
from bench.world import World, free_port, opened_world

REACH_SECONDS, REACH_P99 = 5.0, 100.0
RATE, HEAD_START, LIVE_CHATS = 200.0, 1.0, 100
GENTLY = 50  # at a time, the first time
SHORTEST = 0.5  # seconds of live messages that are looked at


def main(size: Size) -> Report:
    report = Report("push_storm", f"{size.storm:,} reconnects at once, while {RATE:.0f} messages a second are told")
    with opened_world() as world:
        ports = {"port": free_port(), "push_port": free_port()}
        where = world.as_arguments()
        with (
            Child("bench.servers:run_pulse", REST, **where, port=ports["port"], synced=True),
            Child("bench.servers:run_push", MEASURED, **where, port=ports["push_port"]) as push,
        ):
            _storm(report, size, world, ports, push)
    return report


def _storm(report: Report, size: Size, world: World, ports: dict[str, int], push: Child) -> None:
    # Those who return have the first chats, and the provider speaks in others.
    provider = {"port": ports["port"], "path": WEBHOOK, "secret": SECRET, "seconds": 60.0, "opening": True}
    place = str(world.place)
    paced = {**paced_at(place, ports), "chats": LIVE_CHATS, "skip": size.storm}
    returning = {"place": place, "port": ports["push_port"], "clients": size.storm}
    with (
        Child("bench.load:run", REST, connections=size.connections, chats=size.storm) as everybody,
        Child("bench.paced:run", REST, **paced) as live,
        Child("bench.push.returning:run", REST, **returning) as clients,
    ):
        everybody.ask(**provider)
        came = clients.ask(do="come", awaits=0, at_once=GENTLY)
        progress(f"{came['live']:,} came within {came['last']:.2f} s")
        everybody.ask(**provider)
        resumes = clients.ask(do="listen", heard=1)["cursors"] == size.storm
        live.ask(rate=RATE, seconds=HEAD_START)
        calm = live.ask(rate=RATE, seconds=size.seconds)
        clients.ask(do="vanish")
        everybody.ask(**provider)
        live.order(rate=RATE, seconds=size.seconds + HEAD_START)
        time.sleep(HEAD_START)
        busy = [Busy(PULSE, push.pid), Busy("the clients' process", clients.pid)]
        back = clients.ask(do="come", awaits=int(resumes), at_once=size.storm)
        report.notes += [one.note() for one in busy]
        progress(f"{back['live']:,} were back within {back['last']:.2f} s")
        during = live.answer()
        everybody.ask(**provider)
        heard = clients.ask(do="listen", heard=2 + int(resumes))
    _report(report, size, back, heard, {"before": calm, "during": during})
    if not resumes:
        report.notes.append("this server gives no cursors: they came back without")


def _report(report: Report, size: Size, back: dict[str, Any], heard: dict[str, int], told: dict[str, Any]) -> None:
    calm = latencies(told["before"]["messages"])
    began = back["began"]
    storm = latencies(told["during"]["messages"], began, began + max(back["last"], SHORTEST))
    lost = sum(found["sent"] - len(found["messages"]) for found in told.values())
    report.figures = [
        Figure("the last is live after", [back["last"]], "s"),
        Figure("half of them", [back["p50"]], "s"),
        *delivery_figures("live delivery without them", calm),
        *delivery_figures("live delivery meanwhile", storm),
    ]
    # Whoever did not come back in time, or heard anything less or more than there was, has missed it.
    missing = size.storm - min(back["live"], heard["complete"])
    last = float("inf") if missing else back["last"]
    report.verdicts = [
        Verdict("all are live", last, REACH_SECONDS, "s", at_most=True),
        Verdict("live delivery meanwhile, p99", percentile(storm, 0.99), REACH_P99, "ms", at_most=True),
    ]
    if lost:
        report.notes.append(f"{lost} live messages were not heard")
    counted = f"{back['cut']} cut, {back['resynced']} told to take a snapshot, {missing} without all that was said"
    report.notes.append(counted)
