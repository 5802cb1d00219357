"""Tokens and webhook secrets stay where they belong, whatever goes wrong on the way."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import sql

from tests.conftest import Pulse
from tests.fakes import telegram as telegrams
from tests.fakes import vk_moods
from tests.fakes.telegram import FakeTelegram
from tests.fakes.vk import SEND, FakeVk
from tests.journeys.answering import IDS, Delivering, Talks, run_pulse, talking
from tests.world import PROOF, rows, settled

VERA, OLEG = 615550142, 615550143
GONE = "http://127.0.0.1:9"  # nobody listens there
TABLES = """
select table_schema as schema, table_name as name from information_schema.tables
where table_schema not in ('pg_catalog', 'information_schema')
"""


class Planted:
    """Secrets that nobody has seen before."""

    def __init__(self) -> None:
        self.telegram_token = f"7000000001:AA{os.urandom(16).hex()}"
        self.wrong_telegram_token = f"7000000002:AA{os.urandom(16).hex()}"
        self.telegram_secret, self.vk_secret = os.urandom(16).hex(), os.urandom(16).hex()
        self.vk_token, self.wrong_vk_token = (f"vk1.a.{os.urandom(16).hex()}" for _ in range(2))

    def found_in(self, text: bytes) -> list[str]:
        """Also where a token was cut into its number and its secret part."""
        return [name for name, secret in vars(self).items() if secret.split(":")[-1].encode() in text]


@pytest.fixture
async def talks(pulse: Pulse, fake_telegram: FakeTelegram, fake_vk: FakeVk) -> AsyncIterator[Talks]:
    async with talking(pulse, fake_telegram, fake_vk) as talks:
        yield talks


async def plant(talks: Talks, planted: Planted) -> None:
    """The wrong tokens first; webhooks prove themselves with the planted secrets."""
    talks.telegram.tokens, talks.vk.token = {planted.telegram_token}, planted.vk_token
    await talks.change("telegram", {}, planted.wrong_telegram_token, secret=planted.telegram_secret)
    await talks.change("vk", {}, planted.wrong_vk_token, secret=planted.vk_secret)
    talks.telegram.secret, talks.vk.secret = planted.telegram_secret, planted.vk_secret


async def everything_goes_wrong(talks: Talks, planted: Planted) -> None:
    pulse = talks.pulse
    for channel in ("telegram", "vk"):
        await talks.hear(channel, VERA)
        await talks.answer(channel, VERA, "Good day")
    await talks.until_alerted("source.halted", 2)
    await run_pulse(pulse, "source", "set", str(IDS["telegram"]), "--token", planted.telegram_token)
    await run_pulse(pulse, "source", "set", str(IDS["vk"]), "--token", planted.vk_token)
    await talks.until_all("sent")
    echoed = vk_moods.error(100, error_msg=f"access_token {planted.vk_token} is odd")
    for trouble in (vk_moods.hang_up(taken=True), vk_moods.bad_gateway(), echoed):
        talks.vk.next(trouble, method=SEND)
        await talks.until(await talks.answer("vk", VERA, "Still here?"), "sent", "failed")
    odd = telegrams.says(b'{"ok": "no"}')
    for trouble in (telegrams.hang_up(), telegrams.hang_up(after=9), odd, telegrams.error("error_403_blocked")):
        talks.telegram.next(trouble, chat_id=VERA)
        await talks.until(await talks.answer("telegram", VERA, "Still here?"), "uncertain", "failed", "sent")
        await talks.hear("telegram", VERA)
    await pulse.http.post(pulse.webhook("telegram"), content=b"{", headers={PROOF: planted.telegram_secret})
    await pulse.http.post(pulse.webhook("vk"), json={"type": "odd", "secret": planted.vk_secret, "group_id": 1})
    await talks.change("telegram", {"api_url": GONE}, planted.telegram_token)
    await talks.hear("telegram", OLEG)
    unreachable = await talks.answer("telegram", OLEG, "Good day")
    await talks.until_shown(lambda shown: shown[unreachable.chat, unreachable.id]["error"])


async def all_rows(pulse: Pulse) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for table in await rows(pulse, TABLES):
        query = sql.SQL("select * from {}").format(sql.Identifier(table["schema"], table["name"]))
        found += await rows(pulse, query.as_string())
    return found


async def test_no_secret_is_written_anywhere(talks: Talks) -> None:
    planted = Planted()
    await plant(talks, planted)
    delivering = Delivering(talks.pulse)
    async with delivering.running():
        await everything_goes_wrong(talks, planted)
    await settled(talks.pulse)
    events = b"".join(stored.body for stored in await talks.pulse.house.log.read_all(">"))
    kept = str(await all_rows(talks.pulse)).encode()
    said = delivering.said.read_bytes()
    assert b"Still here?" in events
    assert b"Still here?" in kept
    assert b"delivery.halted" in said
    for text in (events, kept, said):
        assert planted.found_in(text) == []
