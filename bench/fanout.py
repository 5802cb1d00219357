"""One frame to a thousand sockets: Pulse's peers and `websockets.broadcast()` in turns, on the very same sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from typing import Any

import psutil
import uvloop
from websockets.asyncio.server import broadcast

from bench.child import Child, coming_orders, say
from bench.machine import MEASURED, REST
from bench.push.pulse import KEY, a_push
from bench.report import Figure, Report, Size, Verdict
from pulse.logs import configure_logs
from pulse.push.encoding import Wire, text_frame
from pulse.push.hub import Hub
from pulse.serving import tune_gc

REACH, REACH_KIB = 1.5, 20.0
FRAMES_A_SECOND, FRAMES_AT_MOST = 30, 300  # of each round's seconds; sockets that answer no ping are cut after 50 s
FRAME = b'{"event":"NewChatMessage","data":"%s"}' % (b"x" * 262)
CHANNEL = "news"
WAYS = {"Pulse's post": "hub", "websockets.broadcast()": "broadcast", "send(2) alone, the limit": "limit"}


def main(size: Size) -> Report:
    report = Report("fanout", f"one frame of {len(FRAME)} B to {size.sockets:,} sockets of one process")
    frames = min(max(int(FRAMES_A_SECOND * size.seconds), 5), FRAMES_AT_MOST)
    whole = frames * size.sockets * len(text_frame(FRAME))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    with Child("bench.fanout:run", MEASURED) as server:
        empty = server.ask(do="memory")["bytes"]
        crowd = {
            "port": server.ready["port"],
            "path": f"/app/{KEY}?protocol=7",
            "channel": CHANNEL,
            "sockets": size.sockets,
        }
        with Child("bench.sockets:run", REST, **crowd) as sockets:
            kib = (server.ask(do="memory")["bytes"] - empty) / size.sockets / 1024
            for number in range(size.rounds + 1):
                for name, way in WAYS.items():
                    sockets.order(bytes=whole)
                    sent, got = server.ask(do=way, frames=frames), sockets.answer()
                    if number:  # the first is for warming up
                        found[name].append({what: value / frames / size.sockets for what, value in sent.items()})
                    if got["left"] > 0:
                        report.notes.append(f"{got['left']:,} bytes never arrived")
    for name, rounds in found.items():
        cpu = sorted(r["cpu"] for r in rounds)[len(rounds) // 2] * 1e6
        report.figures.append(Figure(name, [1 / r["took"] for r in rounds], "/s", f"{cpu:.2f} µs of its core a socket"))
    report.figures.append(
        Figure("an idle socket", [kib], "KiB", "resident memory of the process, kernel buffers apart")
    )
    ours, peer, *_ = report.figures
    report.verdicts = [
        Verdict("Pulse : broadcast()", ours.value / peer.value, REACH),
        Verdict("an idle socket", kib, REACH_KIB, "KiB", at_most=True),
    ]
    return report


def run() -> None:
    """A child's function: Pulse's push port, with nobody but guests on public channels."""
    configure_logs("warning")
    uvloop.run(_serve())


async def _serve() -> None:
    telling, server = a_push()
    hub = telling.hub
    async with server.listening("127.0.0.1", 0) as port:
        tune_gc()
        say(port=port)
        async for order in coming_orders():
            if order["do"] == "memory":
                gc.collect()
                say(bytes=psutil.Process().memory_info().rss)
            else:
                say(**await _send_all(hub, order))


async def _send_all(hub: Hub, order: dict[str, Any]) -> dict[str, float]:
    """Every frame is written in a turn of the loop of its own, as if it had come alone."""
    peers = hub.channels[CHANNEL]
    connections = [peer.connection for peer in peers]
    numbers = [connection.transport.get_extra_info("socket").fileno() for connection in connections]
    began, used = time.perf_counter(), time.process_time()
    for _ in range(order["frames"]):
        match order["do"]:
            case "hub":
                hub.post.send(list(peers), Wire(text_frame(FRAME), FRAME))
                await asyncio.sleep(0)
            case "broadcast":
                broadcast(connections, FRAME, text=True)
            case _:
                wire = text_frame(FRAME)
                for number in numbers:
                    os.write(number, wire)
        await asyncio.sleep(0)
    while any(connection.transport.get_write_buffer_size() for connection in connections):
        await asyncio.sleep(0)
    return {"took": time.perf_counter() - began, "cpu": time.process_time() - used}
