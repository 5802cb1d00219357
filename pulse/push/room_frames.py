"""What is told of rooms: to everybody in the general one, to the two of a direct one, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import orjson

from pulse.access import GENERAL, PUBLIC_GENERAL, Person, may_see_room
from pulse.aggregates.room import RoomMessageWritten, RoomOpened, RoomSeen
from pulse.eventlog.envelope import Recorded
from pulse.projections.rooms import last_word, message_of
from pulse.push.frames import Frame

NameOf = Callable[[UUID], str]


def room_frames(recorded: Recorded, people: tuple[UUID, ...], name_of: NameOf) -> Iterator[Frame]:
    """`data.room` is what changes in the room's row, `data.mark` how far one moderator has seen it now."""
    room_id = recorded.aggregate_id
    match recorded.event:
        case RoomOpened() if people:
            own = tuple(f"private-user.{who}" for who in people)
            row = {"id": room_id, "messages": 0, "last_text": "", "last_by": None, "last_at": recorded.at}
            data = {"room_id": room_id, "people": [_named(who, name_of) for who in people], "room": row}
            yield Frame("room.opened", "RoomOpened", data, own, among(people))
        case RoomMessageWritten(moderator_id=writer) as said:
            row = last_word(recorded, said) | {"last_by": _named(writer, name_of)}
            mark = {"moderator_id": writer, "seen": said.number}
            data = message_of(recorded, said, name_of) | {"room": row, "mark": mark}
            event = "PrivateMessageSent" if people else "MessageSent"
            yield Frame("room.message", event, data, channels_of(people), among(people))
        case RoomSeen(moderator_id=who, up_to=up_to):
            data = {"room_id": room_id, "mark": {"moderator_id": who, "seen": up_to}}
            # In the general room everybody reads everything: only one's own windows have to know.
            hears = among(people or (who,))
            yield Frame("room.seen", "MessageRead", data, channels_of(people), hears)


def among(people: tuple[UUID, ...]) -> Callable[[Person], bool]:
    return lambda person: may_see_room(person, people)


def channels_of(people: tuple[UUID, ...]) -> tuple[str, ...]:
    """Two may be named in either order, and each client hears on the name it asked for."""
    if not people:
        return GENERAL, PUBLIC_GENERAL
    one, other = people
    return f"private-chat.{one}.{other}", f"private-chat.{other}.{one}"


def typing_frame(body: bytes, name_of: NameOf) -> Frame:
    """Who is typing in a room, as desks say it live; whoever types need not be told."""
    told = orjson.loads(body)
    people, who = tuple(map(UUID, told["people"])), UUID(told["moderator_id"])
    data = {"room_id": told["room_id"], "by": _named(who, name_of)}
    others = among(people)
    return Frame(
        "room.typing", "UserTyping", data, channels_of(people), lambda person: person.id != who and others(person)
    )


def _named(who: UUID, name_of: NameOf) -> dict[str, Any]:
    return {"id": who, "name": name_of(who)}
