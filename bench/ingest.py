"""Authentic Telegram webhooks against Pulse's ingest process and against the peer, in turns, on the same nats-server."""

from __future__ import annotations

import contextlib
from typing import Any

from bench.child import Child
from bench.machine import MEASURED, REST, CannotSlow, cpu_seconds
from bench.report import Figure, Report, Size, Verdict
from bench.servers import SECRET, WEBHOOK
from bench.world import World, free_port, opened_world

OURS, PEER = "Pulse", "FastAPI + js.publish"


def compare(report: Report, size: Size, reach: float, *, sync_always: bool = True, slower_us: int = 0) -> Report:
    """Fills in a report: rounds of both, one after the other, and the ratio of their medians."""
    try:
        world = opened_world(sync_always=sync_always, slower_us=slower_us)
        with world as opened, contextlib.ExitStack() as stack:
            sides = _open_sides(stack, opened, synced=sync_always)
            load = stack.enter_context(Child("bench.load:run", REST, connections=size.connections, chats=size.chats))
            for server in sides.values():
                _round(load, server, 30.0, opening=True)
            return _measure(report, size, reach, load, sides)
    except CannotSlow as reason:
        report.notes.append(f"skipped: {reason}")
        return report


def _open_sides(stack: contextlib.ExitStack, world: World, *, synced: bool) -> dict[str, Child]:
    pulse = Child("bench.servers:run_pulse", MEASURED, **world.as_arguments(), port=free_port(), synced=synced)
    stack.enter_context(pulse)
    peer = Child("bench.servers:run_peer", MEASURED, nats_url=world.addresses.nats_url, port=free_port())
    stack.enter_context(peer)
    return {OURS: pulse, PEER: peer}


def _measure(report: Report, size: Size, reach: float, load: Child, sides: dict[str, Child]) -> Report:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for server in sides.values():
        _round(load, server, min(size.seconds, 2.0))
    for _ in range(size.rounds):
        for name, server in sides.items():
            found[name].append(_round(load, server, size.seconds))
    for name, rounds in found.items():
        report.figures.append(Figure(name, [r["rate"] for r in rounds], "/s", _beside(rounds)))
    ours, peer = report.figures
    report.verdicts.append(Verdict("Pulse : peer", ours.value / peer.value if peer.value else 0.0, reach))
    failed = sum(r["failed"] for rounds in found.values() for r in rounds)
    if failed:
        report.notes.append(f"{failed:.0f} requests were not answered with 200")
    report.notes.append(
        f"bodies of {found[OURS][0]['body_size']} B, {size.connections} connections, {size.chats} chats"
    )
    return report


def _round(load: Child, server: Child, seconds: float, *, opening: bool = False) -> dict[str, Any]:
    before = cpu_seconds(server.pid)
    target = {"port": server.ready["port"], "path": WEBHOOK, "secret": SECRET}
    found = load.ask(**target, seconds=seconds, opening=opening)
    used = cpu_seconds(server.pid) - before
    return found | {"cpu_us": used / found["answers"] * 1e6 if found["answers"] else 0.0}


def _beside(rounds: list[dict[str, Any]]) -> str:
    middle = sorted(rounds, key=lambda found: found["rate"])[len(rounds) // 2]
    return f"p50 {middle['p50'] * 1e3:.1f} ms, p99 {middle['p99'] * 1e3:.1f} ms, {middle['cpu_us']:.0f} µs of its core a request"
