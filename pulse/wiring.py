"""Puts the parts together by hand, once per process. Only the CLI imports this."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import httpx2
from fastapi import APIRouter
from starlette.types import ASGIApp

from pulse.aggregates.subscriber import Subscriber
from pulse.blobs import Blobs
from pulse.channels import File
from pulse.delivery.outbox import Outbox
from pulse.delivery.post import ping
from pulse.delivery.profiles import Profiles
from pulse.delivery.public_event import TYPES
from pulse.delivery.routing import Routing
from pulse.delivery.sender import Parts
from pulse.delivery.subscribers import Subscribers
from pulse.delivery.typing import Typing
from pulse.desk.app import http_app
from pulse.desk.broadcasting import broadcasting_routes
from pulse.desk.callbacks import callback_routes
from pulse.desk.chats import chat_routes
from pulse.desk.customers import customer_routes
from pulse.desk.deliveries import delivery_routes
from pulse.desk.guard import Guard
from pulse.desk.me import me_routes
from pulse.desk.replies import reply_routes
from pulse.desk.routing import routing_routes
from pulse.desk.sessions import Sessions
from pulse.desk.sign_in import sign_in_routes
from pulse.desk.sources import source_routes
from pulse.desk.subscribers import subscriber_routes
from pulse.drivers import Drivers
from pulse.embedded import Addresses
from pulse.errors import ReadsDown
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes
from pulse.eventlog.store import EventStore
from pulse.house import House, now, open_house, true_when
from pulse.http import Fork
from pulse.ingest.again import Again
from pulse.ingest.intake import Intake
from pulse.ingest.openapi import PATHS, SECURITY
from pulse.ingest.producers import Producers
from pulse.ingest.publishing import PREFIX as EVENTS
from pulse.ingest.publishing import Publishing
from pulse.ingest.traces import Traces
from pulse.ingest.webhooks import PREFIX as WEBHOOKS
from pulse.ingest.webhooks import Webhooks
from pulse.ingest.widget import Widget
from pulse.logs import Outage
from pulse.message import Attachment
from pulse.passwords import PasswordCheck
from pulse.presence import Presence
from pulse.progress import Progresses
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from pulse.projections.rebuild import make_current
from pulse.projections.rejections import keep_rejections
from pulse.push.channel_ws import ChannelWs
from pulse.push.hub import Hub
from pulse.push.online import tell_online
from pulse.push.protocol import Pusher
from pulse.push.relay import Relay
from pulse.push.server import PushServer
from pulse.serving import listen, serve_app, tune_gc
from pulse.settings import Settings
from pulse.subscribing import Subscribing

ROLES = ("ingest", "project", "push", "desk", "deliver")
HTTP_ROLES = {"ingest", "desk"}
READING_ROLES = HTTP_ROLES | {"deliver"}
LOOK_SECONDS = 1.0
BEGIN_SECONDS = 0.05
CALL_TIMEOUT = httpx2.Timeout(25.0, connect=5.0)


@contextlib.asynccontextmanager
async def open_reads(house: House) -> AsyncIterator[Reads]:
    """The pool that the desk and the widget read from."""
    async with Reads.open(house.addresses.database_url, house.log) as reads:
        yield reads


def open_ingest(house: House, reads: Reads) -> None:
    """Webhooks and the widget."""
    intake = Intake(house.store, blobs_of(house), now)
    drivers = Drivers(house.directory, house.vault)
    traces = Traces(house.log)
    house.webhooks = Webhooks(house.directory, drivers, intake, traces)
    house.publishing = Publishing(Producers(house.directory, house.vault), house.store, traces, now)
    widget = Widget(house.directory, drivers, intake, house.signer, reads, now, traces)
    house.routes += widget.routes()


def blobs_of(house: House) -> Blobs:
    return Blobs(house.settings.data_dir / "blobs")


def again_of(house: House) -> Again:
    """Reads stored deliveries again, for whoever may ask for it."""
    return Again(house.store, house.directory, Drivers(house.directory, house.vault), blobs_of(house), now)


def open_desk(house: House, reads: Reads) -> None:
    """The moderators' API."""
    secure = house.settings.secure_cookies
    guard = Guard(house.directory, Sessions(reads), house.signer, reads, now, secure=secure)
    house.routers += desk_routers(guard, PasswordCheck(), house.store, reads, again_of(house), house.settings.push_key)
    house.routers.append(subscribers_desk(guard, house))
    house.checks["reads"] = lambda: readable(reads)
    house.begins.append(lambda: until_readable(reads))


def desk_routers(
    guard: Guard, passwords: PasswordCheck, store: EventStore, reads: Reads, again: Again, push_key: str
) -> list[APIRouter]:
    """The routes of the moderators' API, but for those of other systems."""
    return [
        sign_in_routes(guard, passwords),
        chat_routes(guard, store, reads),
        reply_routes(guard, store, reads),
        delivery_routes(guard, reads, store, again),
        source_routes(guard, store),
        customer_routes(guard, store, reads),
        callback_routes(guard, store, reads),
        routing_routes(guard, store),
        me_routes(guard, store),
        broadcasting_routes(guard, store, push_key),
    ]


def subscribers_desk(guard: Guard, house: House) -> APIRouter:
    """The admins' API of other systems."""
    subscribing = subscribing_in(house)

    async def send_ping(subscriber: Subscriber) -> dict[str, Any]:
        return await ping(subscriber, house.vault, now, subscribing.inside)

    return subscriber_routes(guard, subscribing, Progresses(Notes(house.log), house.epoch), send_ping)


def subscribing_in(house: House) -> Subscribing:
    """What the desk, the commands and the worker decide on subscribers with."""
    inside = house.settings.private_allowed
    return Subscribing(house.store, house.vault, now, types=TYPES, inside=inside)


def open_subscribers(house: House) -> None:
    """Other systems are told of events."""
    worker = Subscribers(house.directory, subscribing_in(house), house.epoch)
    house.tasks.append(worker.run)


def openapi() -> dict[str, Any]:
    """The HTTP API's document, made without any server."""
    nothing: Any = None
    guard = Guard(nothing, nothing, nothing, nothing, now, secure=False)
    routers = desk_routers(guard, nothing, nothing, nothing, nothing, "")
    routers.append(subscriber_routes(guard, nothing, nothing, nothing))
    return http_app(routers, [], nothing, PATHS, SECURITY).openapi()


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


def open_routing(house: House, reads: Reads) -> None:
    """Free chats find their moderators; of several processes one works."""
    presence = Presence(house.log)
    routing = Routing(house.store, house.directory, presence, reads, house.epoch, now)

    async def route() -> None:
        await until_readable(reads)
        await routing.run()

    house.tasks += [presence.run, route]


@contextlib.asynccontextmanager
async def open_delivery(house: House) -> AsyncIterator[None]:
    """What leaves: replies, and that somebody is typing."""
    blobs = Blobs(house.settings.data_dir / "blobs")

    async def read_file(attachment: Attachment) -> File:
        assert attachment.sha256 is not None, "a reply's files lie in our own storage"
        content = await blobs.read(attachment.sha256)
        return File(attachment.kind, attachment.name or "file", attachment.mime or "application/octet-stream", content)

    async with httpx2.AsyncClient(timeout=CALL_TIMEOUT, follow_redirects=False, trust_env=False) as http:
        drivers = Drivers(house.directory, house.vault, http)
        outbox = Outbox(Parts(house.store, house.directory, drivers, read_file, now), house.epoch)
        await Typing(house.log, outbox, drivers).begin()
        profiles = Profiles(house.log, house.store, drivers.of, now)
        asking = Lease(Notes(house.log), "profiles")
        house.tasks += [outbox.run, lambda: asking.run(profiles.run)]
        house.checks["delivery"] = true_when(lambda: outbox.ready)
        house.begins.append(outbox.begun.wait)
        yield


@contextlib.asynccontextmanager
async def open_push(house: House) -> AsyncIterator[int]:
    """The push port; yields it."""
    hub = Hub()
    relay = Relay(house.log, house.directory, hub)
    house.tasks += [relay.run, lambda: tell_online(house.log, hub)]
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
        if READING_ROLES & set(roles):
            reads = await stack.enter_async_context(open_reads(house))
            house.tasks.append(lambda: tell_of_reads(reads))
            if "ingest" in roles:
                open_ingest(house, reads)
            if "desk" in roles:
                open_desk(house, reads)
            if "deliver" in roles:
                open_routing(house, reads)
        if "deliver" in roles:
            await stack.enter_async_context(open_delivery(house))
            open_subscribers(house)
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
    if house.webhooks is not None and house.publishing is not None:
        app = Fork(WEBHOOKS, Fork(EVENTS, house.publishing, house.webhooks), app)
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
