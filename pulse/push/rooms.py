"""What is told of rooms: to everybody in the general one, to the two of a direct one, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import orjson

from pulse.access import GENERAL, Person, may_see_room
from pulse.aggregates import room
from pulse.aggregates.room import RoomMessageWritten, RoomOpened, RoomSeen
from pulse.directory import Directory
from pulse.eventlog.envelope import Recorded, open_stored, subject_of
from pulse.eventlog.follow import until_told
from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import ROOM_TYPING
from pulse.projections.rooms import last_word, message_of
from pulse.push.hub import Hub
from pulse.push.tidings import Tiding, tell

NameOf = Callable[[UUID], str]


def room_tidings(recorded: Recorded, people: tuple[UUID, ...], name_of: NameOf) -> Iterator[Tiding]:
    """`data.room` is what changes in the room's row, `data.mark` how far one moderator has seen it now."""
    room_id = recorded.aggregate_id
    match recorded.event:
        case RoomOpened() if people:
            own = tuple(f"private-user.{who}" for who in people)
            row = {"id": room_id, "messages": 0, "last_text": "", "last_by": None, "last_at": recorded.at}
            data = {"room_id": room_id, "people": [_named(who, name_of) for who in people], "room": row}
            yield _tiding(recorded, "room.opened", "RoomOpened", data, own, among(people))
        case RoomMessageWritten(moderator_id=writer) as said:
            row = last_word(recorded, said) | {"last_by": _named(writer, name_of)}
            mark = {"moderator_id": writer, "seen": said.number}
            data = message_of(recorded, said, name_of) | {"room": row, "mark": mark}
            event = "PrivateMessageSent" if people else "MessageSent"
            yield _tiding(recorded, "room.message", event, data, channels_of(people), among(people))
        case RoomSeen(moderator_id=who, up_to=up_to):
            data = {"room_id": room_id, "mark": {"moderator_id": who, "seen": up_to}}
            # In the general room everybody reads everything: only one's own windows have to know.
            hears = among(people or (who,))
            yield _tiding(recorded, "room.seen", "MessageRead", data, channels_of(people), hears)


def among(people: tuple[UUID, ...]) -> Callable[[Person], bool]:
    return lambda person: may_see_room(person, people)


def channels_of(people: tuple[UUID, ...]) -> tuple[str, ...]:
    """Two may be named in either order, and each client hears on the name it asked for."""
    if not people:
        return (GENERAL,)
    one, other = people
    return f"private-chat.{one}.{other}", f"private-chat.{other}.{one}"


class RoomRelay:
    """Tells of rooms what is in the log, and live who is typing there."""

    def __init__(self, log: Log, hub: Hub, directory: Directory) -> None:
        self._log = log
        self._hub = hub
        self._directory = directory
        self._people: dict[UUID, tuple[UUID, ...]] = {}

    async def begin(self) -> None:
        """Listens to what desks say live."""
        await self._log.listen(ROOM_TYPING, self._hear)

    async def take(self, recorded: Recorded) -> None:
        """One event, of whatever kind."""
        if recorded.kind != "room":
            return
        people = await self._of(recorded)
        for tiding in room_tidings(recorded, people, self._directory.name_of):
            await tell(tiding, self._hub, self._directory)

    async def _of(self, recorded: Recorded) -> tuple[UUID, ...]:
        """Whom a room is for never changes. Waits for as long as the log can't tell."""
        room_id = recorded.aggregate_id
        if room_id == room.GENERAL:
            return ()
        if isinstance(recorded.event, RoomOpened):
            self._people[room_id] = recorded.event.people
        elif room_id not in self._people:
            self._people[room_id] = (await until_told(lambda: self._opening(room_id))).people
        return self._people[room_id]

    async def _opening(self, room_id: UUID) -> RoomOpened:
        """Its first event, and no other: however long a room is, the sockets don't wait for it."""
        [first] = await self._log.read(1, subject=subject_of("room", room_id), limit=1)
        opened = open_stored(first).event
        assert isinstance(opened, RoomOpened), "a room begins with its opening"
        return opened

    async def _hear(self, body: bytes) -> None:
        told = orjson.loads(body)
        people, who = tuple(map(UUID, told["people"])), UUID(told["moderator_id"])
        data = {"room_id": told["room_id"], "by": _named(who, self._directory.name_of)}
        others = among(people)
        typing = Tiding(
            "room.typing", "UserTyping", data, channels_of(people), lambda person: person.id != who and others(person)
        )
        await tell(typing, self._hub, self._directory)


def _tiding(
    recorded: Recorded, type_: str, event: str, data: dict[str, Any], channels: tuple[str, ...],
    hears: Callable[[Person], bool],
) -> Tiding:  # fmt: skip
    return Tiding(type_, event, data, channels, hears, recorded.position, recorded.envelope.id)


def _named(who: UUID, name_of: NameOf) -> dict[str, Any]:
    return {"id": who, "name": name_of(who)}
