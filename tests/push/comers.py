"""Clients that come back with a cursor, over every door that takes one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from websockets.asyncio.client import connect

from pulse.house import House
from pulse.tokens import Visit
from tests.push.ears import ADMIN, Door, Ear, Frame, staff_path, visitor_path
from tests.push.test_protocol import PusherEar

WINDOWS = ("a moderator's window", "a visitor's window")
PUSHERS = ("since beside the channel", "since in what is signed", "pulse:resume before")
WAYS = (*WINDOWS, *PUSHERS)
SAID = ("chat.message", "NewChatMessage")


@dataclass
class Back:
    """A client that is connected: what it was told at once, and why not all of it."""

    ear: Ear
    missed: list[Frame]
    reason: str | None
    cursor: str

    async def so_far(self) -> list[Frame]:
        """All that it heard since it was asked last: whatever was written before the answer to something."""
        if isinstance(self.ear, PusherEar):
            await self.ear.send("pusher:ping", {})
            return (await self.ear.until(lambda frame: frame["event"] == "pusher:pong"))[:-1]
        await self.ear.say("hm?")
        return (await self.ear.until(lambda frame: frame["type"] == "error"))[:-1]


@asynccontextmanager
async def back(
    door: Door, house: House, way: str, visit: Visit, since: str | None = None, who: UUID = ADMIN
) -> AsyncIterator[Back]:
    opening = back_at_window if way in WINDOWS else back_at_pusher
    async with opening(door, house, way, visit, since, who) as found:
        yield found


@asynccontextmanager
async def back_at_window(
    door: Door, house: House, way: str, visit: Visit, since: str | None, who: UUID
) -> AsyncIterator[Back]:
    path = staff_path(house, who) if way == WINDOWS[0] else visitor_path(house, visit)
    async with connect(door.url + path + (f"&cursor={since}" if since is not None else "")) as socket:
        found = Back(Ear(socket), [], None, "")
        found.missed = await found.so_far()
        said = {aside["type"]: aside["data"] for aside in found.ear.asides}
        found.reason = said.get("pulse:resync", {}).get("reason")
        found.cursor = said["pulse:cursor"]["cursor"]
        yield found


@asynccontextmanager
async def back_at_pusher(
    door: Door, house: House, way: str, visit: Visit, since: str | None, who: UUID
) -> AsyncIterator[Back]:
    async with asking_at_pusher(door, house, way, visit, since, who) as (ear, answer):
        assert answer["event"] == "pusher_internal:subscription_succeeded", answer
        told = json.loads(answer["data"])
        found = Back(ear, [], told.get("reason"), told["cursor"])
        found.missed = await found.so_far()
        resyncs = [json.loads(aside["data"]) for aside in ear.asides if aside["event"] == "pulse:resync"]
        assert resyncs == ([] if found.reason is None else [{"reason": found.reason}])
        assert since is None or told["recovered"] is (found.reason is None)
        yield found


@asynccontextmanager
async def asking_at_pusher(
    door: Door, house: House, way: str, visit: Visit, since: str | None, who: UUID
) -> AsyncIterator[tuple[PusherEar, Frame]]:
    """Subscribes with a good signature; with what it is answered."""
    key, channel = house.settings.push_key, f"private-chat.{visit.chat}"
    async with connect(f"{door.url}/app/{key}?protocol=7&pulse=1") as socket:
        ear = PusherEar(socket)
        ear.socket_id = json.loads((await ear.next())["data"])["socket_id"]
        if since is not None and way == PUSHERS[2]:
            await ear.send("pulse:resume", {"cursor": since})
        said: dict[str, Any] = {} if since is None or way != PUSHERS[1] else {"since": since}
        beside = {} if since is None or way != PUSHERS[0] else {"since": since}
        signed = json.dumps({"user_id": str(who), "user_info": {}} | said)
        auth = house.signer.subscription(key, ear.socket_id, channel, signed)
        yield ear, await ear.subscribe(channel, auth=auth, channel_data=signed, **beside)


def bare(frames: list[Frame]) -> list[Frame]:
    """Without cursors: those of visitors are sealed anew for each."""
    return [{name: said for name, said in frame.items() if name != "cursor"} for frame in frames]


def texts_of(frames: list[Frame]) -> list[str]:
    """What was said in them."""
    return [data_of(frame)["text"] for frame in frames if frame.get("type", frame.get("event")) in SAID]


def data_of(frame: Frame) -> dict[str, Any]:
    """Pusher has JSON in a string."""
    data: dict[str, Any] = json.loads(frame["data"]) if isinstance(frame["data"], str) else frame["data"]
    return data


def is_of_log(frame: Frame) -> bool:
    return "cursor" in frame
