"""Follows the log once per process and hands every event's frames to the sockets that may see them.

Rights are asked at each frame, not only when a socket opens: who loses a department stops hearing from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import orjson

from pulse.access import Person, may_see
from pulse.directory import Directory
from pulse.eventlog.envelope import open_envelope
from pulse.eventlog.follow import Follow
from pulse.eventlog.jetstream import Log
from pulse.push.frames import Frame, frames_of
from pulse.push.hub import Hub, Peer, send, text_frame


class Relay:
    """`run` relays from the newest event on; `position` is how far it is."""

    def __init__(self, source: Log, directory: Directory, hub: Hub) -> None:
        self.source = source
        self.directory = directory
        self.hub = hub
        self.follow: Follow | None = None

    @property
    def ready(self) -> bool:
        return self.follow is not None and self.follow.caught_up.is_set()

    async def run(self) -> None:
        """Relays for ever."""
        self.follow = Follow(self.source, await self.source.last_position())
        async for page in self.follow:
            for stored in page:
                recorded = open_envelope(stored.position, stored.subject, stored.body)
                for frame in frames_of(recorded, self.directory.name_of):
                    self.hand_out(frame)

    def hand_out(self, frame: Frame) -> None:
        """One frame to everyone who may see it, encoded once per protocol and channel."""
        visitors = self.hub.visitors.get(frame.chat_id, ()) if frame.for_customer else ()
        staff = list(self._staff(frame))
        if visitors or staff:
            wire = text_frame(channel_frame(frame))
            send(visitors, wire)
            send(staff, wire)
        for channel in self._channels(frame):
            subscribers = self.hub.channels.get(channel)
            if subscribers:
                send(self._permitted(frame, subscribers), text_frame(pusher_frame(frame, channel)))

    def _staff(self, frame: Frame) -> Iterator[Peer]:
        for person_id, peers in self.hub.staff.items():
            if self._sees(self.directory.person(person_id), frame):
                yield from peers

    def _permitted(self, frame: Frame, subscribers: dict[Peer, UUID | None]) -> Iterator[Peer]:
        for peer, person_id in subscribers.items():
            if person_id is not None and self._sees(self.directory.person(person_id), frame):
                yield peer

    def _sees(self, person: Person | None, frame: Frame) -> bool:
        return person is not None and any(may_see(person, place) for place in frame.places)

    def _channels(self, frame: Frame) -> Iterator[str]:
        yield f"private-chat.{frame.chat_id}"
        if frame.to is not None:
            yield f"private-moderator.{frame.to}"


def channel_frame(frame: Frame) -> bytes:
    """S2's shape: `{type, session_id, data}`. `body` is S2's word for a message's text."""
    data = {**frame.data, "body": frame.data["text"]} if "text" in frame.data else frame.data
    return orjson.dumps({"type": frame.type, "session_id": frame.chat_id, "data": data, "seq": frame.position})


def pusher_frame(frame: Frame, channel: str) -> bytes:
    """Pusher's shape, data as JSON in a string, and beside it where the event lies (clients drop unknown keys)."""
    data = orjson.dumps({"chat_id": frame.chat_id, **frame.data}).decode()
    whole = {"event": frame.event, "channel": channel, "data": data, "seq": frame.position, "id": frame.event_id}
    return orjson.dumps(whole)
