"""Pusher's webhooks, read by the Python `pusher` library: it takes none whose signature or time is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pusher import Pusher as Library  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.conformance.app import library
from tests.conformance.test_server_library import enter
from tests.conftest import Pulse
from tests.fakes.serving import served
from tests.push.ears import PATIENCE
from tests.push.test_protocol import pusher_ear

Posted = tuple[str, str, bytes]
Event = dict[str, Any]
LOUNGE, WEATHER = "presence-lounge", "cache-weather"


class Receiver:
    """Takes whatever is posted to it."""

    def __init__(self) -> None:
        self.posted: asyncio.Queue[Posted] = asyncio.Queue()
        self.app = Starlette(routes=[Route("/hooks", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        key, signature = request.headers["X-Pusher-Key"], request.headers["X-Pusher-Signature"]
        self.posted.put_nowait((key, signature, await request.body()))
        return Response()


@pytest.fixture(scope="module", autouse=True)
async def receiver() -> AsyncIterator[Receiver]:
    """Before Pulse starts: a setting says where it posts."""
    receiver = Receiver()
    async with served(receiver.app) as address:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PULSE_PUSH_WEBHOOK_URL", f"{address}/hooks")
            patch.setenv("PULSE_TRUSTED_HOSTS", urlsplit(address).netloc)
            yield receiver


async def told(app: Library, receiver: Receiver, *expected: tuple[str, str]) -> list[Event]:
    """All that was posted until each of these was, as the library reads it."""
    told: list[Event] = []
    async with asyncio.timeout(PATIENCE):
        while not {*expected} <= {(event["name"], event["channel"]) for event in told}:
            read = app.validate_webhook(*await receiver.posted.get())
            assert read is not None, "the library does not take it for ours"
            told += read["events"]
    return told


async def test_the_library_reads_every_webhook_of_ours(pulse: Pulse, receiver: Receiver) -> None:
    app = library(pulse.house)
    async with pusher_ear(pulse) as ear:
        await enter(app, ear, LOUNGE, "7")
        await enter(app, ear, WEATHER)
        await ear.say({"event": "client-wave", "channel": LOUNGE, "data": {"hand": "left"}})
        came = ("channel_occupied", LOUNGE), ("channel_occupied", WEATHER), ("cache_miss", WEATHER)
        events = await told(app, receiver, *came, ("member_added", LOUNGE), ("client_event", LOUNGE))
        [waved] = [event for event in events if event["name"] == "client_event"]
        assert (waved["event"], waved["socket_id"], waved["user_id"]) == ("client-wave", ear.socket_id, "7")
        [added] = [event for event in events if event["name"] == "member_added"]
        assert added["user_id"] == "7"
    went = ("member_removed", LOUNGE), ("channel_vacated", LOUNGE), ("channel_vacated", WEATHER)
    await told(app, receiver, *went)
