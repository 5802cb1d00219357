"""A moderator's typing reaches the customer's channel, now and then."""

import asyncio
from uuid import UUID

import orjson

from pulse.delivery.typing import Typing
from pulse.eventlog.live import STAFF_TYPING
from tests.delivery.conftest import Script, World, running


async def tell(world: World, peer: str, number: int = 1) -> None:
    told = {"chat_id": UUID(int=number), "source_id": world.sources[0], "peer": peer, "moderator_id": UUID(int=1)}
    await world.log.tell(STAFF_TYPING, orjson.dumps(told))


async def test_typing_is_shown_once_in_four_seconds_per_chat(world: World, script: Script):
    async with running(world.outbox()) as outbox:
        await asyncio.wait_for(sending(outbox, world.sources[0]), 20)
        await Typing(world.log, outbox, world.drivers).begin()
        for _ in range(5):
            await tell(world, "77", 1)
        await tell(world, "78", 2)
        await script.until_called(2)
    assert sorted(piece.peer for piece in script.calls) == ["77", "78"]


async def test_nobody_shows_typing_for_a_source_that_another_process_sends_for(world: World, script: Script):
    await Typing(world.log, world.outbox(), world.drivers).begin()
    await tell(world, "77")
    await world.log.client.flush()
    assert script.calls == []


async def sending(outbox: object, source: UUID) -> None:
    """Returns once this outbox holds the source."""
    while source not in outbox.senders:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
