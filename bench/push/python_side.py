"""What the sides that are Python have in common: an event loop, and orders to publish."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn
import uvloop

from bench.child import coming_orders, say
from bench.push.frame import channel_name
from bench.servers import until_open
from bench.world import free_port
from pulse.serving import HttpServer

Publish = Callable[[int, str], Awaitable[None]]  # number of the frame, channel


def serve(listening: Callable[[], AsyncIterator[dict[str, Publish]]]) -> None:
    """Serves until the parent has no more orders; `listening` says its port and yields the ways to publish."""
    uvloop.run(_obey(contextlib.asynccontextmanager(listening)))


async def _obey(listening: Any) -> None:
    async with listening() as ways:
        async for order in coming_orders():
            if order["do"] == "settle":
                gc.collect()
                say(settled=True)
            else:
                say(**await _publish_all(ways[order["do"]], order))


async def _publish_all(publish: Publish, order: dict[str, Any]) -> dict[str, float]:
    """So many `frames`, to each of the `channels` in turn; the loop gets a turn after as many as come `together`."""
    names = [channel_name(number) for number in range(order["channels"])]
    began = time.monotonic()
    for number in range(order["frames"]):
        await publish(number, names[number % len(names)])
        if (number + 1) % order["together"] == 0:
            await asyncio.sleep(0)
        if time.monotonic() - began > order["patience"]:
            break
    return {"began": began}


@contextlib.asynccontextmanager
async def on_uvicorn(app: Any) -> AsyncIterator[None]:
    """A peer's application on the server that Pulse's HTTP has, without whatever costs and is not needed."""
    port = free_port()
    config = uvicorn.Config(
        app, port=port, http="httptools", ws="websockets-sansio", ws_per_message_deflate=False, lifespan="off",
        log_config=None, access_log=False, server_header=False, date_header=False, proxy_headers=False,
    )  # fmt: skip
    task = asyncio.ensure_future(HttpServer(config).serve())
    await until_open(port)
    say(port=port)
    yield
    task.cancel()
    await asyncio.wait([task])
