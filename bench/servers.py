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
from pulse import wiring
from pulse.aggregates.source import source_id
from pulse.demo import SOURCES, make_demo
from pulse.directory import Directory
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.logs import configure_logs
from pulse.settings import Settings
from pulse.tokens import Signer
from pulse.vault import Vault
from pulse.wiring import House

TELEGRAM = next(source for source in SOURCES if source.channel == "telegram")
WEBHOOK = f"/webhook/telegram/{source_id('telegram', TELEGRAM.identifier)}"
SECRET = TELEGRAM.secret
PEER_STREAM = "PEER"


def settings_for(place: str, port: int, push_port: int = 0) -> Settings:
    return Settings(_env_file=None, data_dir=Path(place), http_port=port, push_port=push_port)


def run_pulse(place: str, addresses: dict[str, str], port: int, synced: bool) -> None:
    """A child's function: `pulse ingest`, with the demo's sources."""
    configure_logs("warning")
    uvloop.run(_serve_pulse(settings_for(place, port), Addresses(**addresses), wiring.open_house if synced else unsynced_house))  # fmt: skip


async def _serve_pulse(settings: Settings, addresses: Addresses, opened: Any) -> None:
    async with opened(settings, addresses) as house, wiring.open_reads(house) as reads:
        await house.directory.wait_for(await make_demo(house.store, house.vault, wiring.now))
        wiring.open_ingest(house, reads)
        wiring.tune_gc()
        await until_told(wiring.serve_http(house), settings.http_port)


@contextlib.asynccontextmanager
async def unsynced_house(settings: Settings, addresses: Addresses) -> AsyncIterator[House]:
    """`open_house` on a server that Pulse refuses: one that acknowledges before it syncs."""
    source = await Log.connect(addresses.nats_url)
    vault = Vault.open(settings.master_key, settings.key_file)
    signer = Signer(vault.derive("staff"), vault.derive("visitor"), vault.derive("push"))
    directory = Directory(source)
    epoch = await reconcile(source, wanted_streams(wiring.NATS_FOLDER / "streams.json"), max_bytes=1 << 34)
    following = asyncio.create_task(directory.run())
    try:
        await directory.ready.wait()
        yield House(settings, addresses, source, epoch, EventStore(source), vault, signer, directory)
    finally:
        following.cancel()
        await source.close()


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
    await until_told(wiring.HttpServer(config).serve(), port)
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
