"""Whatever works without being asked: read models, replies, files, other systems, routing, and the sockets' relay."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from pulse.attention import Attention
from pulse.blobs import Blobs, forget_gathered
from pulse.channels import File
from pulse.delivery.attachments import Attachments
from pulse.delivery.calling import ReadFile
from pulse.delivery.clearings import Clearings
from pulse.delivery.fetching import Origins
from pulse.delivery.letting_go import LettingGo
from pulse.delivery.outbox import Outbox
from pulse.delivery.pager_sender import PagerSender
from pulse.delivery.pagers import Pagers
from pulse.delivery.profiles import Profiles
from pulse.delivery.routing import Routing
from pulse.delivery.sender import Parts
from pulse.delivery.snoozes import Snoozes
from pulse.delivery.subscribers import Subscribers
from pulse.delivery.typing import Typing
from pulse.drivers import Drivers
from pulse.eventlog.follow import until_told
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes, Place
from pulse.house import House, now, true_when
from pulse.message import Attachment
from pulse.projections.models import SEARCH
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from pulse.projections.rebuild import make_current
from pulse.projections.rejections import keep_rejections
from pulse.push.gauges import Gauges
from pulse.push.leaving import end_answers
from pulse.push.online import keep_online
from pulse.push.pings import Pings
from pulse.push.porter import Porter
from pulse.push.server import PushServer
from pulse.push.viewers import Viewers
from pulse.push.xhr import Xhr
from pulse.settings import Settings
from pulse.sweep import GRACE
from pulse.wiring.parts import clearing_in, open_calls, subscribing_in, until_readable
from pulse.wiring.push_doors import open_app_doors
from pulse.wiring.push_parts import push_parts, stream_routes


def open_projector(house: House) -> None:
    """Read models: made anew first when this code makes other ones, then kept up to date."""
    database_url = house.addresses.database_url
    projector = house.projector = Projector(house.log, database_url, house.epoch)

    async def project() -> None:
        await make_current(house.log, database_url, house.epoch, house.tell_building)
        await projector.run()

    async def project_search() -> None:
        await projector.ready.wait()  # lists first
        await make_current(house.log, database_url, house.epoch, shelf=SEARCH)
        await Projector(house.log, database_url, house.epoch, shelf=SEARCH).run()

    house.tasks += [project, project_search, lambda: keep_rejections(house.log, database_url)]
    house.checks["projector"] = true_when(projector.ready.is_set)
    house.begins.append(projector.ready.wait)


@contextlib.asynccontextmanager
async def open_push(house: House) -> AsyncIterator[int]:
    """The push port; yields it."""
    parts = push_parts(house, counts=house.settings.push_subscription_counts)
    await parts.listen()
    relay, online = parts.relay, lambda: keep_online(parts.hub, house.roster, house.directory)
    viewers = Viewers(Attention(house.log), house.directory, house.store, parts.telling)
    house.tasks += [viewers.run, parts.rounds.run, Pings(parts.hub, house.metrics.ws_ping_latency.observe).run]
    # Whoever was not sent home yet hears what is told, and is there.
    house.lasting += [relay.run, lambda: relay.sign_outs.run(now), online]
    house.checks["push"] = true_when(lambda: server.is_open and relay.ready and not parts.telling.stale)
    house.metrics.registry.register(Gauges(parts.hub, lambda: relay.behind))
    server = PushServer(parts.channel_ws, parts.pusher, relay, porter_for(house.settings), house.metrics)
    house.routes += stream_routes(parts, server, Xhr(parts.pusher, server, house.log))
    house.tasks.append(lambda: end_answers(parts.hub))
    host, number = house.settings.push_host, house.settings.push_port
    async with open_app_doors(house, parts), server.listening(host, number) as port:
        assert relay.follow is not None  # it has its place in the log before the port listens
        house.begins.append(relay.follow.caught_up.wait)
        yield port


def porter_for(settings: Settings) -> Porter:
    return Porter(
        settings.push_capacity, origins=settings.origins, proxies=settings.proxies, tls_only=settings.secure_cookies
    )


@contextlib.asynccontextmanager
async def open_delivery(house: House, reads: Reads) -> AsyncIterator[None]:
    """What leaves by itself, and what comes in after a message: replies, files, names, other systems, routing."""
    async with open_calls() as http:
        drivers = Drivers(house.directory, house.vault, http)
        await open_outbox(house, drivers)
        open_attachments(house, drivers)
        open_profiles(house, drivers)
        open_subscribers(house)
        open_pagers(house, drivers, reads)
        open_routing(house, reads)
        open_snoozes(house, reads)
        open_letting_go(house, reads)
        open_clearings(house, reads)
        yield


async def open_outbox(house: House, drivers: Drivers) -> None:
    """Replies, and that somebody is typing."""
    parts = Parts(house.store, house.directory, drivers, file_reader(house.blobs), now)
    outbox = Outbox(parts, house.epoch)
    await Typing(house.log, outbox, drivers).begin()
    house.tasks.append(outbox.run)
    house.checks["delivery"] = true_when(lambda: outbox.ready)
    house.begins.append(outbox.begun.wait)


def file_reader(blobs: Blobs) -> ReadFile:
    """The content of files that replies carry; they lie in our own storage."""

    async def read_file(attachment: Attachment) -> File:
        assert attachment.sha256 is not None
        content = await blobs.read(attachment.sha256)
        return File(attachment.kind, attachment.name or "file", attachment.mime or "application/octet-stream", content)

    return read_file


def open_attachments(house: House, drivers: Drivers) -> None:
    """Brings messages' files into our own storage; of all processes that could, one does."""
    notes = Notes(house.log)
    place = Place(notes, "attachments", house.epoch)
    origins = Origins(drivers.of, house.settings.trusted, lambda source: house.directory.source(source).largest_file())
    attachments = Attachments(house.store, house.blobs, origins, now)

    async def bring() -> None:
        await attachments.run(await until_told(place.load), place.save)

    house.tasks.append(lambda: Lease(notes, "attachments").run(bring))


def open_profiles(house: House, drivers: Drivers) -> None:
    """Asks channels for the names that their deliveries don't bring."""
    profiles = Profiles(house.log, house.store, drivers.of, now)
    house.tasks.append(lambda: Lease(Notes(house.log), "profiles").run(profiles.run))


def open_subscribers(house: House) -> None:
    """Other systems are told of events."""
    house.tasks.append(Subscribers(house.directory, subscribing_in(house), house.epoch).run)


def open_pagers(house: House, drivers: Drivers, reads: Reads) -> None:
    """Moderators are told of work in Telegram; of several processes one tells."""
    sender = PagerSender(house.store, house.directory, drivers, now)
    house.tasks.append(Pagers(house.store, house.directory, reads, sender, house.epoch, now).run)


def open_routing(house: House, reads: Reads) -> None:
    """Free chats find their moderators; of several processes one works."""
    routing = Routing(house.store, house.directory, house.presence, reads, house.epoch, now)

    async def route() -> None:
        await until_readable(reads)
        await routing.run()

    house.tasks.append(route)


def open_snoozes(house: House, reads: Reads) -> None:
    """Chats that were put off come back when it is time."""

    async def wake() -> None:
        await until_readable(reads)
        await Snoozes(house.store, reads, now).run()

    house.tasks.append(wake)


def open_letting_go(house: House, reads: Reads) -> None:
    """Chats of people who were disabled become free; of several processes one works."""
    letting_go = LettingGo(house.store, house.directory, reads, now)

    async def let_go() -> None:
        await until_readable(reads)
        await letting_go.run()

    house.tasks.append(lambda: Lease(Notes(house.log), "letting-go").run(let_go))


def open_clearings(house: House, reads: Reads) -> None:
    """Files that were kept for their time go, once a day; of several processes one works."""
    folder = house.settings.data_dir / "blobs"
    clearings = Clearings(clearing_in(house), reads.reached, lambda: forget_gathered(folder, now() - GRACE))

    async def clear() -> None:
        await until_readable(reads)
        await clearings.run()

    house.tasks.append(clear)
