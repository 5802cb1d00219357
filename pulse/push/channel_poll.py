"""Long polling, for those who can't have a stream either: `/channel/poll` tells what came since a cursor."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse.errors import BadInput
from pulse.http import answer
from pulse.push.codes import Code
from pulse.push.encoding import CURSOR, Wire
from pulse.push.http_windows import HttpWindows, network
from pulse.push.outlet import Outlet
from pulse.push.streamed import unless_gone
from pulse.push.windows import SessionEnded

WAIT_SECONDS, LONGEST_SECONDS = 25, 30


@dataclass
class Heard:
    """What one poll brings: messages, where to go on, and why a snapshot must be taken, if so.

    It is `placed` once its window was told where it stands, which comes after all that it missed.
    """

    frames: list[Wire] = field(default_factory=list)
    cursor: str | None = None
    reason: str | None = None
    stale: bool = False
    placed: bool = False

    def hear(self, wire: Wire) -> None:
        """What is said of the connection itself goes into fields of its own."""
        self.cursor = wire.cursor or self.cursor
        if wire.name == "pulse:resync":
            self.reason = orjson.loads(wire.payload)["data"]["reason"]
        elif wire.name == "pulse:feed":
            self.stale = orjson.loads(wire.payload)["data"]["stale"]
        elif wire.name == CURSOR:
            self.placed = True
        else:
            self.frames.append(wire)


class ChannelPoll:
    def __init__(self, doors: HttpWindows) -> None:
        self.doors = doors

    def routes(self) -> list[Route]:
        return [Route("/channel/poll", self.doors.cors(self.poll), methods=["GET", "OPTIONS"])]

    async def poll(self, request: Request) -> Response:
        """Answers at once when something was missed, or without a cursor, which it gives; else it waits for a while."""
        query = request.query_params
        owner = self.doors.windows.admit(query, request.headers)
        self.doors.asked.require((network(request), owner.token))
        seconds, cursor = seconds_in(query.get("wait")), query.get("cursor") or None
        async with self.doors.window(owner, cursor, network(request), polls=True) as outlet:
            heard = await unless_gone(request.receive, hear(outlet, seconds if cursor else 0, cursor))
            if outlet.code is Code.SESSION_ENDED:
                raise SessionEnded
        return answer(shown(heard or Heard(), recovering=cursor is not None))


async def hear(outlet: Outlet, seconds: float, cursor: str | None = None) -> Heard:
    """The cursor is that of what was heard last, or the one that was asked with: whatever comes later is told by the next
    poll. However short the wait, nobody leaves before the window was told where it stands."""
    loop = asyncio.get_running_loop()
    until, heard = loop.time() + seconds, Heard(cursor=cursor)
    while True:
        while told := outlet.drain():
            for wire in told:
                heard.hear(wire)
        left = until - loop.time()
        if outlet.code is not None or (heard.placed and (heard.frames or heard.reason or left <= 0)):
            return heard
        await outlet.wait(left if heard.placed else LONGEST_SECONDS)


def shown(heard: Heard, *, recovering: bool) -> dict[str, Any]:
    return {
        "frames": [orjson.Fragment(wire.payload) for wire in heard.frames],
        "cursor": heard.cursor,
        "recovered": heard.reason is None if recovering else None,
        "reason": heard.reason,
        "stale": heard.stale,
    }


def seconds_in(text: str | None) -> int:
    """Raises BadInput."""
    if text is None:
        return WAIT_SECONDS
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= LONGEST_SECONDS):
        raise BadInput(f"wait is a number of seconds, {LONGEST_SECONDS} at most.")
    return int(text)
