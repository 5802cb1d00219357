"""Puts the parts together by hand, once per process. Only the CLI imports this."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import APIRouter
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from pulse.blobs import Blobs
from pulse.desk.app import http_app
from pulse.desk.broadcasting import broadcasting_routes
from pulse.desk.chats import chat_routes
from pulse.desk.deliveries import delivery_routes
from pulse.desk.guard import Guard
from pulse.desk.sessions import Sessions
from pulse.desk.sign_in import sign_in_routes
from pulse.directory import Directory
from pulse.embedded import Addresses
from pulse.errors import Trouble
from pulse.eventlog.envelope import check_registry
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, require_synced, wanted_streams
from pulse.http import Fork
from pulse.http_limits import LimitedHttp
from pulse.ingest.drivers import Drivers
from pulse.ingest.intake import Intake
from pulse.ingest.openapi import PATHS, SECURITY
from pulse.ingest.traces import Traces
from pulse.ingest.webhooks import PREFIX as WEBHOOKS
from pulse.ingest.webhooks import Webhooks
from pulse.ingest.widget import Widget
from pulse.passwords import PasswordCheck
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from pulse.projections.rebuild import make_current
from pulse.projections.rejections import keep_rejections
from pulse.push.channel_ws import ChannelWs
from pulse.push.hub import Hub
from pulse.push.protocol import Pusher
from pulse.push.relay import Relay
from pulse.push.server import PushServer
from pulse.settings import Settings
from pulse.tokens import Signer
from pulse.vault import Vault

NATS_FOLDER = Path(__file__).parent.parent / "nats"
ROLES = ("ingest", "project", "push", "desk")
BACKLOG = 2048

log = structlog.get_logger(__name__)
Check = Callable[[], Awaitable[bool]]


class PortTaken(Trouble):
    """Another program listens on this port."""


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@dataclass
class House:
    """What every role stands on: the log, the keys, and who is who."""

    settings: Settings
    addresses: Addresses
    log: Log
    epoch: str
    store: EventStore
    vault: Vault
    signer: Signer
    directory: Directory
    tasks: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    routers: list[APIRouter] = field(default_factory=list)
    routes: list[BaseRoute] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)
    webhooks: Webhooks | None = None
    projector: Projector | None = None
    building: int = 0

    def tell_building(self, position: int, _goal: int) -> None:
        self.building = position

    @property
    def projected(self) -> int:
        """How far the read models are, or the ones that are being built."""
        return max(self.building, self.projector.position if self.projector else 0)

    async def check(self) -> dict[str, bool]:
        """Is everything this process needs ready to serve?"""
        return {name: await check() for name, check in self.checks.items()}


@contextlib.asynccontextmanager
async def open_house(settings: Settings, addresses: Addresses) -> AsyncIterator[House]:
    """Connects to the log, refusing one that would not keep its word, and learns who is who."""
    check_registry()
    await require_synced(settings.nats_monitor_url or addresses.nats_monitor_url)
    source = await Log.connect(addresses.nats_url)
    vault = Vault.open(settings.master_key, settings.key_file)
    signer = Signer(vault.derive("staff"), vault.derive("visitor"), vault.derive("push"))
    directory = Directory(source)
    following: asyncio.Task[None] | None = None
    try:
        epoch = await reconcile(source, wanted_streams(NATS_FOLDER / "streams.json"), max_bytes=_room(settings))
        following = asyncio.create_task(directory.run())
        house = House(settings, addresses, source, epoch, EventStore(source), vault, signer, directory)
        house.tasks.append(lambda: _watch(following))
        house.checks["log"] = _true_when(lambda: source.up)
        house.checks["directory"] = _true_when(directory.ready.is_set)
        await directory.ready.wait()
        yield house
    finally:
        if following is not None:
            following.cancel()
            await asyncio.wait([following])
        await source.close()


@contextlib.asynccontextmanager
async def open_reads(house: House) -> AsyncIterator[Reads]:
    """The pool that the desk and the widget read from."""
    async with Reads.open(house.addresses.database_url, house.log) as reads:
        yield reads


def open_ingest(house: House, reads: Reads) -> None:
    """Webhooks and the widget."""
    intake = Intake(house.store, Blobs(house.settings.data_dir / "blobs"), now)
    drivers = Drivers(house.directory, house.vault)
    house.webhooks = Webhooks(house.directory, drivers, intake, Traces(house.log))
    widget = Widget(house.directory, drivers, intake, house.signer, reads, now)
    house.routes += widget.routes()


def open_desk(house: House, reads: Reads) -> None:
    """The moderators' API."""
    secure = house.settings.secure_cookies
    guard = Guard(house.directory, Sessions(reads), house.signer, reads, now, secure=secure)
    house.routers += [
        sign_in_routes(guard, PasswordCheck()),
        chat_routes(guard, house.store, reads),
        delivery_routes(guard, reads),
        broadcasting_routes(guard, house.store, house.settings.push_key),
    ]
    house.checks["reads"] = lambda: readable(reads)


def open_projector(house: House) -> None:
    """Read models: made anew first when this code makes other ones, then kept up to date."""
    database_url = house.addresses.database_url
    projector = house.projector = Projector(house.log, database_url, house.epoch)

    async def project() -> None:
        await make_current(house.log, database_url, house.epoch, house.tell_building)
        await projector.run()

    house.tasks += [project, lambda: keep_rejections(house.log, database_url)]
    house.checks["projector"] = _true_when(projector.ready.is_set)


@contextlib.asynccontextmanager
async def open_push(house: House) -> AsyncIterator[int]:
    """The push port; yields it."""
    hub = Hub()
    relay = Relay(house.log, house.directory, hub)
    house.tasks.append(relay.run)
    house.checks["push"] = _true_when(lambda: relay.ready)
    channel_ws = ChannelWs(hub, house.directory, house.store, house.signer, now)
    server = PushServer(channel_ws, Pusher(hub, house.signer, house.settings.push_key), relay)
    async with server.listening(house.settings.push_host, house.settings.push_port) as port:
        yield port


async def serve(
    settings: Settings,
    addresses: Addresses,
    roles: tuple[str, ...],
    started: Callable[[House], Coroutine[Any, Any, None]],
) -> None:
    """Runs roles in this process until it is cancelled. `started` is called once everything answers.

    Raises PortTaken.
    """
    refuse_taken_ports(settings, roles)
    async with contextlib.AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, addresses))
        if "project" in roles:
            open_projector(house)
        if {"ingest", "desk"} & set(roles):
            reads = await stack.enter_async_context(open_reads(house))
            if "ingest" in roles:
                open_ingest(house, reads)
            if "desk" in roles:
                open_desk(house, reads)
        if "push" in roles:
            await stack.enter_async_context(open_push(house))
        async with asyncio.TaskGroup() as group:
            for task in house.tasks:
                group.create_task(task())
            if {"ingest", "desk"} & set(roles):
                group.create_task(serve_http(house))
            tune_gc()
            group.create_task(started(house))


def refuse_taken_ports(settings: Settings, roles: tuple[str, ...]) -> None:
    """Before anything is opened, and before anybody is told that Pulse is ready. Raises PortTaken."""
    if {"ingest", "desk"} & set(roles):
        http_port(settings).close()
    if "push" in roles:
        listen(settings.push_host, settings.push_port, "PULSE_PUSH_PORT").close()


def http_port(settings: Settings) -> socket.socket:
    """uvicorn gets its socket ready made, because it ends the process when it can't have one. Raises PortTaken."""
    return listen(settings.http_host, settings.http_port, "PULSE_HTTP_PORT")


def listen(host: str, port: int, setting: str) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTaken(f"Port {port} is taken by another program. Stop it, or set {setting} to a free port.") from None


class HttpServer(uvicorn.Server):
    """uvicorn, but signals are the CLI's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_http(house: House) -> None:
    """The HTTP port, with whatever routes this process has. Raises PortTaken."""
    app: ASGIApp = http_app(
        house.routers, house.routes, house.check, PATHS, SECURITY, proxies=house.settings.trusted_proxies
    )
    if house.webhooks is not None:
        app = Fork(WEBHOOKS, house.webhooks, app)
    config = uvicorn.Config(
        app, http=LimitedHttp, ws="none", lifespan="off", backlog=BACKLOG,
        log_config=None, access_log=False, server_header=False, date_header=False, proxy_headers=False,
        timeout_graceful_shutdown=3, timeout_keep_alive=30,
    )  # fmt: skip
    server = HttpServer(config)
    with http_port(house.settings) as port:
        try:
            await server.serve([port])
        except asyncio.CancelledError:
            server.should_exit = True
            await server.shutdown([port])
            raise


async def readable(reads: Reads) -> bool:
    """Do the read models answer?"""
    with contextlib.suppress(Exception):
        await reads.fetch("select 1 from checkpoint")
        return True
    return False


def tune_gc() -> None:
    """Full collections of what never dies were most of the slowest percent of requests (23 ms against 4 ms)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def _room(settings: Settings) -> int | None:
    """How large an embedded log may grow: half of what is free when it is made. Elsewhere, what streams.json says."""
    if settings.nats_url:
        return None
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(settings.data_dir).free // 2


def _true_when(condition: Callable[[], bool]) -> Check:
    async def check() -> bool:
        return condition()

    return check


async def _watch(task: asyncio.Task[None]) -> None:
    """Lets a task that already runs end the process when it fails."""
    await task


def openapi() -> dict[str, Any]:
    """The HTTP API's document, made without any server."""
    nothing: Any = None
    guard = Guard(nothing, nothing, nothing, nothing, now, secure=False)
    routers = [
        sign_in_routes(guard, nothing),
        chat_routes(guard, nothing, nothing),
        delivery_routes(guard, nothing),
        broadcasting_routes(guard, nothing, ""),
    ]
    return http_app(routers, [], nothing, PATHS, SECURITY).openapi()
