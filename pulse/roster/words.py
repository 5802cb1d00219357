"""What processes tell each other of their channels, on core NATS.

A line is `[channel, null, subscriptions]` or `[channel, user id, user_info]`; 0 and null say: no more. Lines are
absolute, so whoever hears one twice knows the same. Who signed in is a member of the channel without a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

PAGE_BYTES = 255 * 1024  # of lines: a word has at most 256 KiB

Info = dict[str, Any]
Seat = tuple[str, str | None]  # a channel, and one of its members; None: its subscriptions
Held = int | Info | None
Line = tuple[str, str | None, Held]


class News(msgspec.Struct, frozen=True, tag="told", tag_field="says"):
    """What has changed since number - 1."""

    process: str
    number: int
    lines: list[Line]


class Beat(msgspec.Struct, frozen=True, tag="beat", tag_field="says"):
    """A process is there, and has told this many times."""

    process: str
    number: int


class Ask(msgspec.Struct, frozen=True, tag="ask", tag_field="says"):
    """A process that wants to know all lines of whom it asks."""

    process: str


class Whole(msgspec.Struct, frozen=True, tag="whole", tag_field="says"):
    """A part of all lines, as they were when a number had been told; the same number has the same parts."""

    process: str
    number: int
    part: int
    parts: int
    lines: list[Line]


class Bye(msgspec.Struct, frozen=True, tag="bye", tag_field="says"):
    """A process ends."""

    process: str


Word = News | Beat | Ask | Whole | Bye

_READER = msgspec.json.Decoder(Word)


def written(word: Word) -> bytes:
    return msgspec.json.encode(word)


def read(body: bytes) -> Word | None:
    """None for what can't be read: a newer Pulse may say it differently."""
    try:
        word: Word = _READER.decode(body)
    except msgspec.MsgspecError:
        return None
    return word


def pages(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """In the same order, each small enough for one word."""
    page: list[Line] = []
    room = PAGE_BYTES
    for line in lines:
        size = len(msgspec.json.encode(line)) + 1
        if size > room and page:
            yield page
            page, room = [], PAGE_BYTES
        page.append(line)
        room -= size
    if page:
        yield page
