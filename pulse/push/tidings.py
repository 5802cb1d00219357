"""Tidings: what is told to people and not about a customer's chat; who hears it is asked when it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from pulse.access import Person
from pulse.directory import Directory
from pulse.push.hub import Hub, Peer, fan_out, text_frame


@dataclass(frozen=True, slots=True)
class Tiding:
    """`type` is told on staff sockets, `event` on the Pusher `channels`. Without a position it happened live only."""

    type: str
    event: str
    data: dict[str, Any]
    channels: tuple[str, ...]
    hears: Callable[[Person], bool]
    position: int | None = None
    event_id: UUID | None = None


async def tell(tiding: Tiding, hub: Hub, directory: Directory) -> None:
    """To every window of whoever hears it; on Pusher channels to who holds the app's secret (None) as well."""

    def hears(who: UUID) -> bool:
        person = directory.person(who)
        return person is not None and tiding.hears(person)

    if staff := [peer for who, peers in hub.staff.items() if hears(who) for peer in peers]:
        await fan_out(staff, text_frame(staff_frame(tiding)))
    for channel in tiding.channels:
        if subscribed := list(_subscribed(hub, channel, hears)):
            await fan_out(subscribed, text_frame(pusher_frame(tiding, channel)))


def staff_frame(tiding: Tiding) -> bytes:
    """S2's shape; there is no session."""
    seq = {} if tiding.position is None else {"seq": tiding.position}
    return orjson.dumps({"type": tiding.type, "data": tiding.data} | seq)


def pusher_frame(tiding: Tiding, channel: str) -> bytes:
    """Pusher's shape: data as JSON in a string, and beside it where the event lies."""
    where = {} if tiding.position is None else {"seq": tiding.position, "id": tiding.event_id}
    return orjson.dumps({"event": tiding.event, "channel": channel, "data": orjson.dumps(tiding.data).decode()} | where)


def _subscribed(hub: Hub, channel: str, hears: Callable[[UUID], bool]) -> Iterator[Peer]:
    for peer, who in hub.channels.get(channel, {}).items():
        if who is None or hears(who):
            yield peer
