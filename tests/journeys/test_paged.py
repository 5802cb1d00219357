"""Anna links her Telegram and is told there of work, through a whole Pulse and a bot."""

from __future__ import annotations

from tests.conftest import Pulse
from tests.fakes.telegram import FakeTelegram
from tests.insisting import insist
from tests.journeys.answering import IDS
from tests.push.ears import ANNA, staff_token
from tests.world import accounts, vera_writes

ADDRESS = "/api/settings/telegram"
PHONE = 615550190


async def test_from_the_link_to_the_block(whole_pulse: Pulse, fake_telegram: FakeTelegram) -> None:
    pulse, telegram = whole_pulse, fake_telegram
    settings = {"api_url": telegram.address, "username": "pulse_bot"}
    token = {"token": min(telegram.tokens)}
    changed = await accounts(pulse).change_source(IDS["telegram"], settings=settings, secrets=token)
    await pulse.house.directory.wait_for(changed.position)
    telegram.webhook = str(pulse.http.base_url).rstrip("/") + pulse.webhook("telegram")
    telegram.secret = "pulse-demo-telegram"
    headers = {"Authorization": f"Bearer {staff_token(pulse.house, ANNA)}"}

    async def seen() -> list[str]:
        return telegram.seen_in(PHONE)

    code = (
        (await pulse.http.post(ADDRESS, headers=headers)).json()["link"].removeprefix("https://t.me/pulse_bot?start=")
    )
    await telegram.message(PHONE, f"/start {code}", name="Anna")
    await insist(seen, lambda texts: len(texts) == 1)
    assert (await pulse.http.get(ADDRESS, headers=headers)).json()["linked"] is True

    await vera_writes(pulse, "vera", "Where is my order?", name="Vera")
    assert (await insist(seen, lambda texts: len(texts) == 2))[1] == "New chat: Vera\nWhere is my order?"

    telegram.block(PHONE)
    await vera_writes(pulse, "oleg", "Hello", name="Oleg")

    async def told() -> list[str]:
        answer = await pulse.http.get("/api/notifications", headers=headers)
        return [one["kind"] for one in answer.json()["items"]]

    assert await insist(told, lambda kinds: kinds) == ["telegram-unlinked"]
    assert (await pulse.http.get(ADDRESS, headers=headers)).json()["linked"] is False
