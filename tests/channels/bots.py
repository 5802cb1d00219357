"""A bot of the shop's that talks to the fake Telegram, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from pulse.channels.telegram import Telegram
from tests.channels.recorded import account
from tests.fakes.telegram import TOKEN, FakeTelegram

VERA, GROUP = "5230011842", "-1002100345678"


def bot_at(address: str, http: httpx2.AsyncClient, token: str = TOKEN) -> Telegram:
    return Telegram(account("7000000001", settings={"api_url": address}, token=token.encode()), http)


@asynccontextmanager
async def a_bot(fake: FakeTelegram, token: str = TOKEN) -> AsyncIterator[Telegram]:
    async with httpx2.AsyncClient(timeout=10) as http:
        yield bot_at(fake.address, http, token)
