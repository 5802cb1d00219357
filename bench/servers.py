"""The two sides of the ingest benches, each in its own process: Pulse's ingest role, and the peer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats
import orjson
import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response

from bench.child import coming_orders, say
from bench.world import free_port
from pulse import wiring
from pulse.aggregates.source import source_id
from pulse.commands.ending import Ending
from pulse.demo import SOURCES, make_demo
from pulse.embedded import Addresses
from pulse.house import House, now
from pulse.logs import configure_logs
from pulse.serving import HttpServer, tune_gc
from pulse.settings import Settings

TELEGRAM = next(source for source in SOURCES if source.channel == "telegram")
WEBHOOK = f"/webhook/telegram/{source_id('telegram', TELEGRAM.identifier)}"
SECRET = TELEGRAM.secret
PEER_STREAM = "PEER"


def settings_for(place: str, port: int, push_port: int = 8001) -> Settings:
    return Settings(_env_file=None, data_dir=Path(place), http_port=port, push_port=push_port)


def run_pulse(place: str, addresses: dict[str, str], port: int, synced: bool) -> None:
    """A child's function: `pulse ingest`, with the demo's sources."""
    configure_logs("warning")
    uvloop.run(_serve_pulse(settings_for(place, port), Addresses(**addresses), synced=synced))


async def _serve_pulse(settings: Settings, addresses: Addresses, *, synced: bool) -> None:
    async with contextlib.AsyncExitStack() as stack:
        if not synced:
            settings.nats_monitor_url = await stack.enter_async_context(obliging_monitor())
        await serve_roles(settings, addresses, ("ingest",), coming_orders())


def run_push(place: str, addresses: dict[str, str], port: int) -> None:
    """A child's function: `pulse push` on this port, which SIGTERM ends as it does there."""
    ending = Ending()
    configure_logs("warning")
    settings = settings_for(place, free_port(), port)
    ending.run(serve_roles(settings, Addresses(**addresses), ("push",), _once_tuned()))


async def _once_tuned() -> AsyncIterator[object]:
    """As `pulse push` does when everything answers: an untuned collector stops for a quarter of a second in a storm."""
    tune_gc()
    async for order in coming_orders():
        yield order


async def serve_roles(
    settings: Settings, addresses: Addresses, roles: tuple[str, ...], told: AsyncIterator[object]
) -> None:
    """Pulse with the demo's world, until the parent has no more to tell."""

    async def started(house: House) -> None:
        await house.directory.wait_for(await make_demo(house.store, house.vault, now))
        while not all((await house.check()).values()):
            await asyncio.sleep(0.02)
        port = settings.push_port if roles == ("push",) else settings.http_port
        await until_open(port)
        say(port=port)
        async for _ in told:
            pass
        serving.cancel()

    serving = asyncio.ensure_future(wiring.serve(settings, addresses, roles, started))
    with contextlib.suppress(asyncio.CancelledError):
        await serving


@contextlib.asynccontextmanager
async def obliging_monitor() -> AsyncIterator[str]:
    """Stands in for the monitor of a server that does not sync: Pulse would refuse the true one, and rightly."""
    body = b'{"config":{"sync_always":true}}'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def run_peer(nats_url: str, port: int) -> None:
    """A child's function: a FastAPI route that parses the body and stores it, with the same uvicorn."""
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(_serve_peer(nats_url, port))


async def _serve_peer(nats_url: str, port: int) -> None:
    client = await nats.connect(nats_url)
    stream = client.jetstream()
    await stream.add_stream(name=PEER_STREAM, subjects=["peer.>"])
    app = FastAPI()

    @app.post("/webhook/{channel}/{source}")
    async def receive(channel: str, source: str, request: Request) -> Response:
        body = await request.body()
        update = orjson.loads(body)
        await stream.publish(f"peer.{channel}.{update['message']['chat']['id']}", body)
        return Response(b"{}", media_type="application/json")

    config = uvicorn.Config(
        app, port=port, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, date_header=False, proxy_headers=False, timeout_keep_alive=30,
    )  # fmt: skip
    await until_told(HttpServer(config).serve(), port)
    await client.close()


async def until_told(serving: Any, port: int) -> None:
    """Serves until the parent has no more orders."""
    task = asyncio.ensure_future(serving)
    await until_open(port)
    say(port=port)
    async for _ in coming_orders():
        pass
    task.cancel()
    await asyncio.wait([task])


async def until_open(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.01)
