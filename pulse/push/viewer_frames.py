"""What moderators are told live of who looks at a chat."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from pulse.access import Person, Place
from pulse.push.chat_frames import channels_of, seeing
from pulse.push.frames import Data, Frame


def viewers_frame(chat: UUID, place: Place, there: Iterable[tuple[Person, bool]]) -> Frame:
    """Everybody who is there now and may be, each with whether they type."""
    may_know = seeing((place,))
    data: Data = {"viewers": [
        {"id": person.id, "name": person.name, "typing": typing} for person, typing in there if may_know(person)
    ]}  # fmt: skip
    return Frame("chat.viewers", "ChatViewers", data, tuple(channels_of(chat, ())), may_know, about=chat)
