"""Follows the log once per process and hands every event's frames to the sockets that may see them.

Rights are asked at each frame, not only when a socket opens: who loses a department stops hearing from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID

import orjson
import structlog

from pulse.access import Person, may_see
from pulse.directory import KINDS, Directory
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused, Stored
from pulse.eventlog.envelope import open_stored
from pulse.eventlog.follow import RETRY_SECONDS, Follow
from pulse.eventlog.jetstream import Log
from pulse.logs import Outage
from pulse.push import alerts
from pulse.push.alerts import Alert, admins, alert_frame, alert_of, own_channel
from pulse.push.frames import Data, Frame, Names, frames_of
from pulse.push.hub import Hub, Peer, fan_out, text_frame
from pulse.push.news import News, hearers, news_frame, news_of
from pulse.push.notifications import notification_tidings
from pulse.push.rooms import RoomRelay
from pulse.push.sign_outs import SignOuts
from pulse.push.tidings import tell

log = structlog.get_logger(__name__)


class Relay:
    """Relays from the event on that was the newest when it began; NATS may come and go, the sockets stay and get
    what they missed.
    """

    def __init__(self, source: Log, directory: Directory, hub: Hub) -> None:
        self.source = source
        self.directory = directory
        self.hub = hub
        self.names = Names(directory.name_of, self._department_name)
        self.sign_outs = SignOuts(hub, directory)
        self.rooms = RoomRelay(source, hub, directory)
        self.follow: Follow | None = None

    @property
    def ready(self) -> bool:
        """Does a socket that opens now hear everything from now on?"""
        return self.follow is not None and self.follow.caught_up.is_set()

    async def begin(self) -> None:
        """Takes its place in the log, before the door listens. Waits for as long as the log can't tell it."""
        if self.follow is None:
            await self.rooms.begin()
        outage = Outage("push")
        while self.follow is None:
            try:
                self.follow = Follow(self.source, await self.source.last_position())
            except (LogDown, AppendRefused) as trouble:
                outage.began(trouble)
                await asyncio.sleep(RETRY_SECONDS)
        outage.ended()

    async def run(self) -> None:
        """Relays for ever."""
        await self.begin()
        assert self.follow is not None
        async for page in self.follow:
            for stored in page:
                await self._relay(stored)

    async def _relay(self, stored: Stored) -> None:
        """One event. What can't be told is logged and passed over: everything after it still has to arrive."""
        try:
            recorded = open_stored(stored)
            if recorded.kind in KINDS:
                # What follows is judged by the rights as they are after this.
                await self.directory.wait_for(recorded.position)
                self.sign_outs.look([recorded.aggregate_id])
            for frame in frames_of(recorded, self.names):
                await self.hand_out(frame)
            if news := news_of(recorded):
                await self.tell_news(news)
            await self.rooms.take(recorded)
            for tiding in notification_tidings(recorded, self.names.person):
                await tell(tiding, self.hub, self.directory)
            if alert := alert_of(recorded, self.directory):
                await self.tell_admins(alert)
        except Exception:
            log.exception("push.poison", position=stored.position)

    async def hand_out(self, frame: Frame) -> None:
        """One frame to everyone who may see it, encoded once per audience."""
        visitors = list(self.hub.visitors.get(frame.chat_id, ()))
        if visitors and frame.for_visitor is not None:
            await fan_out(visitors, text_frame(visitor_frame(frame, frame.for_visitor)))
        if staff := list(self._staff(frame)):
            await fan_out(staff, text_frame(channel_frame(frame)))
        for channel in channels_of(frame):
            if permitted := list(self._permitted(frame, channel)):
                await fan_out(permitted, text_frame(pusher_frame(frame, channel)))

    async def tell_news(self, news: News) -> None:
        """A producer's event to those on its channel who may hear it."""
        if permitted := list(hearers(news, self.hub, self.directory)):
            await fan_out(permitted, text_frame(news_frame(news)))

    async def tell_admins(self, alert: Alert) -> None:
        """On every window of theirs."""
        for admin in admins(self.hub, self.directory):
            if peers := list(self.hub.staff.get(admin.id, ())):
                await fan_out(peers, text_frame(alert_frame(alert)))
            channel, subscribed = own_channel(admin, self.hub)
            if subscribed:
                await fan_out(subscribed, text_frame(alerts.pusher_frame(alert, channel)))

    def _staff(self, frame: Frame) -> Iterator[Peer]:
        for person_id, peers in self.hub.staff.items():
            if sees(self.directory.person(person_id), frame):
                yield from peers

    def _permitted(self, frame: Frame, channel: str) -> Iterator[Peer]:
        for peer, person_id in self.hub.channels.get(channel, {}).items():
            if person_id is None or sees(self.directory.person(person_id), frame):
                yield peer

    def _department_name(self, department_id: UUID) -> str:
        department = self.directory.department(department_id)
        return department.name if department else ""


def sees(person: Person | None, frame: Frame) -> bool:
    """May this person be told? Nobody (None) is somebody whose account was closed."""
    return person is not None and any(may_see(person, place) for place in frame.places)


def channels_of(frame: Frame) -> Iterator[str]:
    """The Pusher channels a frame belongs to."""
    yield f"private-chat.{frame.chat_id}"
    if frame.to is not None:
        yield f"private-moderator.{frame.to}"


def channel_frame(frame: Frame) -> bytes:
    """S2's shape for staff: `{type, session_id, data}`, and where the event lies."""
    return orjson.dumps(_session_frame(frame, frame.data) | {"seq": frame.position})


def visitor_frame(frame: Frame, data: Data) -> bytes:
    """S2's shape for a visitor. Without the position, which tells how much all of Pulse has to do."""
    return orjson.dumps(_session_frame(frame, data))


def pusher_frame(frame: Frame, channel: str) -> bytes:
    """Pusher's shape, data as JSON in a string, and beside it where the event lies (clients drop unknown keys)."""
    data = orjson.dumps({"chat_id": frame.chat_id, **frame.data}).decode()
    whole = {"event": frame.event, "channel": channel, "data": data, "seq": frame.position, "id": frame.event_id}
    return orjson.dumps(whole)


def _session_frame(frame: Frame, data: Data) -> Data:
    """`body` is S2's word for a message's text."""
    with_body = {**data, "body": data["text"]} if "text" in data else data
    return {"type": frame.type, "session_id": frame.chat_id, "data": with_body}
