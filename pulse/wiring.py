"""Puts the parts together by hand, once per process. Only the CLI imports this."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.types import ASGIApp

from pulse.blobs import Blobs, Bucket
from pulse.delivery.attachments import LIMIT, Attachments, Sources
from pulse.desk.app import http_app
from pulse.desk.broadcasting import broadcasting_routes
from pulse.desk.chats import chat_routes
from pulse.desk.deliveries import delivery_routes
from pulse.desk.files import file_routes
from pulse.desk.guard import Guard
from pulse.desk.sessions import Sessions
from pulse.desk.sign_in import sign_in_routes
from pulse.directory import Directory
from pulse.drivers import Drivers
from pulse.embedded import Addresses
from pulse.errors import ReadsDown
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes, Place
from pulse.eventlog.store import EventStore
from pulse.house import House, now, open_house, true_when
from pulse.http import Fork
from pulse.ingest.intake import Intake
from pulse.ingest.openapi import PATHS, SECURITY
from pulse.ingest.traces import Traces
from pulse.ingest.webhooks import PREFIX as WEBHOOKS
from pulse.ingest.webhooks import Webhooks
from pulse.ingest.widget import Widget
from pulse.ingest.widget_files import WidgetFiles
from pulse.logs import Outage
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
from pulse.serving import listen, serve_app, tune_gc
from pulse.settings import Settings

ROLES = ("ingest", "project", "push", "desk")
HTTP_ROLES = {"ingest", "desk"}
LOOK_SECONDS = 1.0
BEGIN_SECONDS = 0.05


@contextlib.asynccontextmanager
async def open_reads(house: House) -> AsyncIterator[Reads]:
    """The pool that the desk and the widget read from."""
    async with Reads.open(house.addresses.database_url, house.log) as reads:
        yield reads


def open_ingest(house: House, reads: Reads) -> None:
    """Webhooks and the widget."""
    blobs = blobs_of(house.settings)
    intake = Intake(house.store, blobs, now)
    drivers = Drivers(house.directory, house.vault)
    house.webhooks = Webhooks(house.directory, drivers, intake, Traces(house.log))
    widget = Widget(house.directory, drivers, intake, house.signer, reads, now)
    house.routes += [*widget.routes(), *WidgetFiles(widget, blobs).routes()]


def open_desk(house: House, reads: Reads) -> None:
    """The moderators' API."""
    secure = house.settings.secure_cookies
    guard = Guard(house.directory, Sessions(reads), house.signer, reads, now, secure=secure)
    blobs = blobs_of(house.settings)
    house.routers += desk_routers(guard, PasswordCheck(), house.store, reads, blobs, house.settings.push_key)
    house.checks["reads"] = lambda: readable(reads)
    house.begins.append(lambda: until_readable(reads))


def desk_routers(
    guard: Guard, passwords: PasswordCheck, store: EventStore, reads: Reads, blobs: Blobs, push_key: str
) -> list[APIRouter]:
    """Every route of the moderators' API; it has no other list."""
    return [
        sign_in_routes(guard, passwords),
        chat_routes(guard, store, reads),
        file_routes(guard, store, reads, blobs),
        delivery_routes(guard, reads, store),
        broadcasting_routes(guard, store, push_key),
    ]


def openapi() -> dict[str, Any]:
    """The HTTP API's document, made without any server."""
    nothing: Any = None
    guard = Guard(nothing, nothing, nothing, nothing, now, secure=False)
    routers = desk_routers(guard, nothing, nothing, nothing, nothing, "")
    return http_app(routers, [], nothing, PATHS, SECURITY).openapi()


def open_attachments(house: House, drivers: Drivers) -> None:
    """Brings messages' files into our own storage; of all processes that could, one does. `drivers` can call."""
    notes = Notes(house.log)
    place = Place(notes, "attachments", house.epoch)
    sources = Sources(drivers.of, house.settings.trusted, lambda source: file_limit(house.directory, source))
    attachments = Attachments(house.store, blobs_of(house.settings), sources, now)

    async def bring() -> None:
        await attachments.run(await place.load(), place.save)

    house.tasks.append(lambda: Lease(notes, "attachments").run(bring))


def file_limit(directory: Directory, source_id: UUID) -> int:
    """How large a source's files may be, in bytes."""
    source = directory.find_source(source_id)
    return (source.file_limit if source else None) or LIMIT


def blobs_of(settings: Settings) -> Blobs:
    """Where bodies and files lie, as settings say."""
    bucket = None
    if settings.blobs_url:
        bucket = Bucket(
            settings.blobs_url,
            settings.blobs_endpoint,
            settings.blobs_key,
            settings.blobs_secret,
            settings.blobs_region,
        )
    return Blobs(settings.data_dir / "blobs", bucket)


def open_projector(house: House) -> None:
    """Read models: made anew first when this code makes other ones, then kept up to date."""
    database_url = house.addresses.database_url
    projector = house.projector = Projector(house.log, database_url, house.epoch)

    async def project() -> None:
        await make_current(house.log, database_url, house.epoch, house.tell_building)
        await projector.run()

    house.tasks += [project, lambda: keep_rejections(house.log, database_url)]
    house.checks["projector"] = true_when(projector.ready.is_set)
    house.begins.append(projector.ready.wait)


@contextlib.asynccontextmanager
async def open_push(house: House) -> AsyncIterator[int]:
    """The push port; yields it."""
    hub = Hub()
    relay = Relay(house.log, house.directory, hub)
    house.tasks.append(relay.run)
    house.checks["push"] = true_when(lambda: relay.ready)
    channel_ws = ChannelWs(hub, house.directory, house.store, house.signer, now)
    server = PushServer(channel_ws, Pusher(hub, house.signer, house.settings.push_key), relay)
    async with server.listening(house.settings.push_host, house.settings.push_port) as port:
        assert relay.follow is not None  # it has its place in the log before the port listens
        house.begins.append(relay.follow.caught_up.wait)
        yield port


async def serve(
    settings: Settings,
    addresses: Addresses,
    roles: tuple[str, ...],
    started: Callable[[House], Coroutine[Any, Any, None]],
) -> None:
    """Runs roles in this process until it is cancelled. `started` is called once everything answers.

    Raises PortTaken, CannotListen.
    """
    refuse_taken_ports(settings, roles)
    async with contextlib.AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, addresses))
        if "project" in roles:
            open_projector(house)
        if HTTP_ROLES & set(roles):
            reads = await stack.enter_async_context(open_reads(house))
            house.tasks.append(lambda: tell_of_reads(reads))
            if "ingest" in roles:
                open_ingest(house, reads)
            if "desk" in roles:
                open_desk(house, reads)
        if "push" in roles:
            await stack.enter_async_context(open_push(house))
        async with asyncio.TaskGroup() as group:
            for task in house.tasks:
                group.create_task(task())
            if HTTP_ROLES & set(roles):
                group.create_task(serve_http(house))
            tune_gc()
            group.create_task(started(house))


def refuse_taken_ports(settings: Settings, roles: tuple[str, ...]) -> None:
    """Before anything is opened. Raises PortTaken, CannotListen."""
    if HTTP_ROLES & set(roles):
        http_port(settings).close()
    if "push" in roles:
        listen(settings.push_host, settings.push_port, "PUSH").close()


def http_port(settings: Settings) -> socket.socket:
    """Raises PortTaken, CannotListen."""
    return listen(settings.http_host, settings.http_port, "HTTP")


async def serve_http(house: House) -> None:
    """The HTTP port, with whatever routes this process has. Raises PortTaken, CannotListen."""
    app: ASGIApp = http_app(
        house.routers, house.routes, house.check, PATHS, SECURITY, proxies=house.settings.trusted_proxies
    )
    if house.webhooks is not None:
        app = Fork(WEBHOOKS, house.webhooks, app)
    await serve_app(app, http_port(house.settings))


async def readable(reads: Reads) -> bool:
    """Do the read models answer?"""
    with contextlib.suppress(Exception):
        await reads.fetch("select 1 from checkpoint")
        return True
    return False


async def until_readable(reads: Reads) -> None:
    """Returns when the read models answer for the first time: whoever makes them may be another process."""
    while True:
        if await readable(reads):
            return
        await asyncio.sleep(BEGIN_SECONDS)


async def tell_of_reads(reads: Reads) -> None:
    """A line when Postgres goes away and one when it is back; the pool, which tries all the time, says nothing."""
    outage = Outage("reads")
    while True:
        try:
            await reads.fetch("select 1")
            outage.ended()
        except ReadsDown as trouble:
            outage.began(trouble.__cause__ or "it does not answer")
        await asyncio.sleep(LOOK_SECONDS)
