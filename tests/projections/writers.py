"""Writers beside a test."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from pulse.aggregates.chat import Chat
from pulse.errors import LogDown
from pulse.eventlog.store import EventStore
from tests.given import a_chat, vera_writes


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, Any]) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Work that goes on beside a test and ends with it at the latest."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def writing(store: EventStore, stop: asyncio.Event) -> int:
    """Messages in five chats until told to stop, the log there or not. Returns the last position."""
    for number in itertools.count(1):
        chat = a_chat(peer=str(number % 5))
        written = 0
        with suppress(LogDown):
            decision = one_more(chat.peer, f"u{number}")
            written = (await store.decide(Chat, chat.id, decision, by="customer")).position
        if written and stop.is_set():
            return written
        await asyncio.sleep(0)
    raise AssertionError


def one_more(peer: str, external_id: str) -> Callable[[Chat | None], Chat]:
    """Vera writes, for the first time or again."""

    def decision(chat: Chat | None) -> Chat:
        chat = chat or a_chat(peer=peer)
        vera_writes(external_id)(chat)
        return chat

    return decision
