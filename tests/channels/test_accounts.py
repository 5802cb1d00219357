"""What providers say of an account, and what they are told: each driver against its fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from pulse.channels import Holder, telegram, vk
from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NeverDelivered, SourceInTrouble
from pulse.channels.simulator import Simulator
from pulse.channels.telegram import Telegram
from pulse.channels.vk import Vk
from pulse.channels.web import Web
from tests.channels.bots import bot_at
from tests.channels.recorded import account
from tests.fakes.telegram import TOKEN, FakeTelegram, error, says
from tests.fakes.vk import GROUP, FakeVk
from tests.fakes.vk import TOKEN as VK_TOKEN
from tests.fakes.vk_moods import says as vk_says

OURS = "https://support.example/webhook/telegram/1"


@pytest.fixture
async def bot(fake_telegram: FakeTelegram) -> AsyncIterator[Telegram]:
    async with httpx2.AsyncClient(timeout=10) as http:
        yield bot_at(fake_telegram.address, http)


@pytest.fixture
async def community(fake_vk: FakeVk) -> AsyncIterator[Vk]:
    async with httpx2.AsyncClient(timeout=10) as http:
        own = account(str(GROUP), settings={"api_url": fake_vk.api_url}, token=VK_TOKEN.encode(), secret=b"s3cret")
        yield Vk(own, http)


async def test_telegram_tells_whose_a_token_is(bot: Telegram) -> None:
    assert await bot.holder() == Holder("7000000001", "Pulse Support", "pulse_support_demo_bot")


async def test_telegram_tells_where_it_posts_what_waits_and_what_went_wrong(
    bot: Telegram, fake_telegram: FakeTelegram
) -> None:
    assert (await bot.posting(OURS)).url is None
    fake_telegram.webhook = OURS
    posting = await bot.posting(OURS)
    assert (posting.url, posting.pending) == (OURS, 12)
    assert posting.error == "Wrong response from the webhook: 500 Internal Server Error"
    assert posting.error_at is not None
    assert "message_reaction" in posting.missing


async def test_telegram_is_told_the_address_the_secret_and_every_kind_that_is_read(
    bot: Telegram, fake_telegram: FakeTelegram
) -> None:
    own = account("7000000001", settings={"api_url": fake_telegram.address}, token=TOKEN.encode(), secret=b"s3cret")
    for _ in range(2):
        await Telegram(own, bot.http).set_webhook(OURS)
    said = fake_telegram.calls[-1].fields
    assert (said["url"], said["secret_token"], said["drop_pending_updates"]) == (OURS, "s3cret", False)
    assert sorted(said["allowed_updates"]) == sorted(telegram.KINDS)
    assert ((await bot.posting(OURS)).missing, await bot.prepare_webhook()) == ((), {})


async def test_telegram_refuses_an_address_without_tls_in_its_own_words(bot: Telegram) -> None:
    with pytest.raises(BadPiece, match="An HTTPS URL must be provided"):
        await bot.set_webhook("http://support.example/")


async def test_vk_tells_whose_a_token_is(community: Vk) -> None:
    assert await community.holder() == Holder(str(GROUP), "Shop", "shop")


async def test_vk_is_told_an_address_once_however_often(community: Vk, fake_vk: FakeVk) -> None:
    assert (await community.posting(OURS)).url is None
    assert await community.prepare_webhook() == {"confirmation": "62dfc19d"}
    for _ in range(2):
        await community.set_webhook(OURS)
    [server] = fake_vk.servers.values()
    assert (server["url"], server["secret_key"], server["api_version"]) == (OURS, "s3cret", "5.199")
    assert server["events"] == dict.fromkeys(vk.KINDS, 1)
    posting = await community.posting(OURS)
    assert (posting.url, posting.error, posting.missing) == (OURS, "", ())


async def test_vk_tells_of_an_address_that_it_could_not_confirm_and_of_events_that_are_off(
    community: Vk, fake_vk: FakeVk
) -> None:
    fake_vk.confirms = False
    await community.set_webhook(OURS)
    fake_vk.servers[1]["events"]["message_read"] = 0
    posting = await community.posting(OURS)
    assert (posting.error, posting.missing) == ("VK got no confirmation from this address.", ("message_read",))


async def test_other_servers_of_a_community_stay_as_they_are(community: Vk, fake_vk: FakeVk) -> None:
    other = {"url": "https://other.example/", "title": "Other", "secret_key": "x", "creator_id": 1, "status": "ok"}
    fake_vk.servers[1] = other | {"events": {}, "api_version": "5.131"}
    await community.set_webhook(OURS)
    assert [server["url"] for server in fake_vk.servers.values()] == ["https://other.example/", OURS]
    assert fake_vk.servers[1]["api_version"] == "5.131"


async def test_vk_takes_no_eleventh_server(community: Vk, fake_vk: FakeVk) -> None:
    other = {"url": "https://other.example/", "title": "Other", "secret_key": "x", "creator_id": 1, "status": "ok"}
    fake_vk.servers = dict.fromkeys(range(1, 11), other)
    with pytest.raises(NeverDelivered):
        await community.set_webhook(OURS)


async def test_a_token_that_is_refused_is_trouble_of_the_source(
    bot: Telegram, fake_telegram: FakeTelegram, community: Vk, fake_vk: FakeVk
) -> None:
    fake_telegram.tokens, fake_vk.token = set(), "another"
    for driver in (bot, community):
        with pytest.raises(SourceInTrouble):
            await driver.holder()


@pytest.mark.parametrize(
    "body", [b"{}", b"OK", b'{"ok": true, "result": [], "response": []}', b'{"ok": true, "result": {"id": []}}']
)
async def test_an_answer_that_makes_no_sense_is_one_failure_and_nothing_else(
    bot: Telegram, fake_telegram: FakeTelegram, community: Vk, fake_vk: FakeVk, body: bytes
) -> None:
    asks: list[Any] = [bot.holder, lambda: bot.posting(OURS), community.holder, lambda: community.posting(OURS)]
    for ask in asks:
        fake_telegram.next(says(body))
        fake_vk.next(vk_says(body))
        with pytest.raises(CallFailed):
            await ask()
        fake_telegram.well()
        fake_vk.well()


async def test_a_webhook_that_was_set_without_an_answer_may_be_set_again(
    bot: Telegram, fake_telegram: FakeTelegram
) -> None:
    fake_telegram.next(error("error_500_restart"), method="setWebhook")
    with pytest.raises(MaybeSent):
        await bot.set_webhook(OURS)
    await bot.set_webhook(OURS)
    assert fake_telegram.webhook == OURS


@pytest.mark.parametrize("driver", [Simulator, Web])
async def test_where_there_is_no_provider_nobody_is_asked_and_nobody_can_be_told(driver: type[Simulator | Web]) -> None:
    one = driver(account("shop"))
    assert (one.provider, await one.holder(), await one.posting(OURS), await one.prepare_webhook()) == (
        "",
        None,
        None,
        {},
    )
    with pytest.raises(NeverDelivered):
        await one.set_webhook(OURS)
