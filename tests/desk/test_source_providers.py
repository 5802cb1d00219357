"""Admins test tokens, set webhooks at providers, and see what those say: over HTTP, against the fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pulse.desk.source_rows import SourceHealth, SourceTest
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.sources import providers
from tests.conftest import running_pulse
from tests.fakes.telegram import TOKEN, FakeTelegram, error, hang_up, hold
from tests.fakes.vk import GROUP, FakeVk
from tests.fakes.vk import TOKEN as VK_TOKEN
from tests.world import SALES, Desk, is_problem, since

PUBLIC = "https://support.example"
BOT = "7000000001"
ANOTHER = "7000000009:AAFakeFakeFakeFakeFakeFakeFakeFakeFak"


@pytest.fixture
async def desk(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    fake_telegram: FakeTelegram, fake_vk: FakeVk,
) -> AsyncIterator[Desk]:  # fmt: skip
    """A Pulse with a public address, which may call the fakes; without the demo's bot."""
    monkeypatch.setenv("PULSE_PUBLIC_URL", PUBLIC)
    hosts = ",".join(fake.address.removeprefix("http://") for fake in (fake_telegram, fake_vk))
    monkeypatch.setenv("PULSE_TRUSTED_HOSTS", hosts)
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as running:
        yield Desk(running)


async def connected(desk: Desk, **wanted: object) -> str:
    answer = await desk.post("admin", "/api/sources", {"departments": [str(SALES)], **wanted})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
async def bot(desk: Desk, fake_telegram: FakeTelegram) -> str:
    """Not the demo's: that one has the fake's own id."""
    settings, secrets = {"api_url": fake_telegram.address}, {"token": TOKEN, "secret": "a-s3cret"}
    found = [known for known in desk.pulse.house.directory.sources() if known.identifier == BOT]
    if not found:
        return await connected(desk, type="telegram", identifier=BOT, settings=settings, secrets=secrets)
    changed = await patch(desk, str(found[0].id), {"settings": settings, "secrets": secrets})
    assert changed.status_code == 200, changed.text
    return str(found[0].id)


@pytest.fixture
async def community(desk: Desk, fake_vk: FakeVk) -> str:
    settings, secrets = {"api_url": fake_vk.api_url}, {"token": VK_TOKEN, "secret": "a-s3cret"}
    found = [known for known in desk.pulse.house.directory.sources() if known.identifier == str(GROUP)]
    if not found:
        return await connected(desk, type="vk", identifier=str(GROUP), settings=settings, secrets=secrets)
    changed = await patch(desk, str(found[0].id), {"settings": settings, "secrets": secrets})
    assert changed.status_code == 200, changed.text
    return str(found[0].id)


async def patch(desk: Desk, source: str, body: object) -> httpx2.Response:
    return await desk.pulse.http.patch(f"/api/sources/{source}", json=body, headers=await desk.headers("admin"))


async def tried(desk: Desk, source: str, **secrets: str) -> dict[str, Any]:
    answer = await desk.post("admin", f"/api/sources/{source}/test", {"secrets": secrets})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    SourceTest.model_validate(found)
    return found


async def set_webhook(desk: Desk, source: str) -> httpx2.Response:
    return await desk.post("admin", f"/api/sources/{source}/webhook")


async def provider_of(desk: Desk, source: str) -> Any:
    found = (await desk.get("admin", f"/api/sources/{source}/health", ask=1)).json()
    SourceHealth.model_validate(found)
    return found["provider"]


async def test_a_good_token_is_told_with_its_account_and_what_is_missing(desk: Desk, bot: str) -> None:
    told = await tried(desk, bot)
    assert (told["asked"], told["works"]) == (True, True)
    assert told["account"] == {"identifier": BOT, "name": "Pulse Support", "username": "pulse_support_demo_bot"}
    assert told["faults"] == ["Telegram posts nothing to Pulse yet: set the webhook."]


async def test_a_webhook_that_was_set_is_ours_and_posts_everything(
    desk: Desk, bot: str, fake_telegram: FakeTelegram
) -> None:
    url = f"{PUBLIC}/webhook/telegram/{bot}"
    for _ in range(2):
        answer = await set_webhook(desk, bot)
        assert (answer.status_code, answer.json()["webhook_url"]) == (200, url)
    assert (fake_telegram.webhook, fake_telegram.secret) == (url, "a-s3cret")
    told = await tried(desk, bot)
    assert (told["works"], told["faults"], told["webhook"]["is_ours"]) == (True, [], True)


async def test_a_rotated_secret_is_what_the_provider_is_told_next(
    desk: Desk, bot: str, fake_telegram: FakeTelegram
) -> None:
    await desk.post("admin", f"/api/sources/{bot}/secrets", {"value": "the-new-one"})
    assert (await set_webhook(desk, bot)).status_code == 200
    assert fake_telegram.secret == "the-new-one"


async def test_what_is_wrong_with_a_webhook_is_told_in_plain_words_and_of_anothers_only_the_host(
    desk: Desk, bot: str, fake_telegram: FakeTelegram
) -> None:
    fake_telegram.webhook = "https://other.example/their-secret-path"
    told = await tried(desk, bot)
    assert told["faults"] == ["Telegram posts to another address, on other.example: set the webhook."]
    assert "their-secret-path" not in str(told)
    fake_telegram.webhook = f"{PUBLIC}/webhook/telegram/{bot}"
    first, second = (await tried(desk, bot))["faults"]
    assert first == "Telegram says: Wrong response from the webhook: 500 Internal Server Error"
    assert "message_reaction" in second


async def test_a_token_of_another_account_is_told_and_does_not_work(
    desk: Desk, community: str, bot: str, fake_vk: FakeVk
) -> None:
    fake_vk.group = 1
    told = await tried(desk, community)
    assert (told["works"], told["account"]["identifier"]) == (False, "1")
    assert told["faults"] == [f"This token belongs to another account, 'Shop' (1); this source is {GROUP}."]


async def test_a_token_is_tried_before_it_is_saved_and_not_kept(
    desk: Desk, bot: str, fake_telegram: FakeTelegram
) -> None:
    before = await desk.pulse.house.log.last_position()
    fake_telegram.tokens = {ANOTHER}
    assert (await tried(desk, bot))["faults"] == ["Telegram says: Unauthorized"]
    assert (await tried(desk, bot, token=ANOTHER))["works"] is True
    assert (await tried(desk, bot))["works"] is False
    assert (await tried(desk, bot, token="no token"))["works"] is False
    assert await desk.pulse.house.log.last_position() == before


async def test_a_provider_that_does_not_answer_is_a_fault_and_no_error(
    desk: Desk, bot: str, fake_telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_telegram.next(hang_up(), method="getMe")
    assert (await tried(desk, bot))["faults"] == ["Telegram did not answer, or not to the end."]
    monkeypatch.setattr(providers, "ASK_SECONDS", 0.05)
    fake_telegram.next(hold(), method="getMe")
    assert (await tried(desk, bot))["faults"] == ["Telegram did not answer in time."]


async def test_vks_code_is_kept_before_vk_is_told_the_address(desk: Desk, community: str, fake_vk: FakeVk) -> None:
    """VK asks for it at once, at the very address that it was told."""
    before = await desk.pulse.house.log.last_position()
    assert (await set_webhook(desk, community)).status_code == 200
    [server] = fake_vk.servers.values()
    assert (server["url"], server["secret_key"]) == (f"{PUBLIC}/webhook/vk/{community}", "a-s3cret")
    asks = {"type": "confirmation", "group_id": GROUP, "secret": "a-s3cret"}
    assert (await desk.pulse.http.post(f"/webhook/vk/{community}", json=asks)).text == "62dfc19d"
    assert [event.envelope.type for event in await since(desk.pulse, before)] == ["source.settings-changed"]
    assert (await tried(desk, community))["faults"] == []
    assert (await set_webhook(desk, community)).status_code == 200
    assert len(fake_vk.servers) == 1


async def test_what_a_provider_refuses_is_told_in_its_words(desk: Desk, bot: str, fake_telegram: FakeTelegram) -> None:
    fake_telegram.next(error("error_401"), method="setWebhook")
    told = is_problem(await set_webhook(desk, bot), 409, "provider-refused")
    assert told["title"] == "Telegram says: Unauthorized"
    fake_telegram.next(error("error_500_restart"), method="setWebhook")
    assert (await set_webhook(desk, bot)).status_code == 503
    assert (await desk.get("admin", f"/api/sources/{bot}")).json()["halted"] is None, "asking halts nothing"


async def test_a_provider_is_asked_how_it_sees_a_source_once_in_a_while_and_on_demand_only(
    desk: Desk, bot: str, fake_telegram: FakeTelegram
) -> None:
    assert (await desk.get("admin", f"/api/sources/{bot}/health")).json()["provider"] is None
    assert (await desk.get("admin", "/api/sources")).status_code == 200
    assert fake_telegram.calls == []
    views = [await provider_of(desk, bot) for _ in range(3)]
    assert views[0] == views[1] == views[2]
    assert [call.method for call in fake_telegram.calls] == ["getWebhookInfo"]
    assert (views[0]["webhook"]["pending"], views[0]["webhook"]["is_ours"]) == (12, False)
    await set_webhook(desk, bot)
    assert (await provider_of(desk, bot))["webhook"]["is_ours"] is True


async def test_no_answer_of_a_test_holds_a_token(desk: Desk, bot: str, fake_telegram: FakeTelegram) -> None:
    fake_telegram.next(error("error_400_chat_not_found", description=f"Bad Request: {TOKEN} is odd"), method="getMe")
    told = await tried(desk, bot)
    assert "odd" in str(told)
    assert TOKEN not in str(told)
    answer = await desk.post("admin", f"/api/sources/{bot}/test", {"secrets": {"token": 7}})
    is_problem(answer, 422, "invalid")
