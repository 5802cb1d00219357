"""What VK tells of our own replies joins them: echoes, also before the answer; what an admin wrote in VK; read marks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_sending import READ, SENT
from pulse.aggregates.chat_so_far import random_id_of
from pulse.aggregates.source import source_id
from pulse.channels import Outgoing
from pulse.channels.calls import MaybeSent, NeverDelivered
from pulse.channels.vk import Vk
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.channels.recorded import account
from tests.conftest import Pulse, running_pulse
from tests.fakes.vk import FakeVk
from tests.fakes.vk_moods import hang_up
from tests.given import ANNA, NOW
from tests.world import kinds, since

VERA = 77


@dataclass(frozen=True, slots=True)
class Talk:
    """Vera's chat with the community, whose replies a test sends itself."""

    pulse: Pulse
    fake: FakeVk
    vk: Vk

    @property
    def id(self) -> UUID:
        return chat_id(source_id("vk", str(self.fake.group)), str(VERA))

    async def chat(self) -> Chat:
        chat = await self.pulse.house.store.load(Chat, self.id)
        assert chat is not None
        return chat

    async def decide(self, act: Callable[[Chat], object]) -> None:
        def acted(chat: Chat | None) -> Chat:
            assert chat is not None
            act(chat)
            return chat

        await self.pulse.house.store.decide(Chat, self.id, acted, by="test")

    async def reply(self, text: str) -> int:
        """Anna's reply, about to be sent; returns its version."""
        await self.decide(lambda chat: chat.reply(text, moderator_id=ANNA, client_msg_id=None, now=NOW))
        of = (await self.chat()).version
        await self.decide(lambda chat: chat.attempt(of, part=0, parts=1, attempt=1, now=NOW))
        return of

    async def send(self, of: int, text: str) -> str | None:
        return await self.vk.send(Outgoing(str(VERA), random_id_of(self.id, of), text))

    async def sent(self, of: int, number: str | None) -> None:
        await self.decide(lambda chat: chat.sent(of, part=0, message_id=number, now=NOW))

    async def happened(self, position: int) -> list[str]:
        return kinds(await since(self.pulse, position))

    async def now_at(self) -> int:
        return await self.pulse.house.log.last_position()


@pytest.fixture
async def talk(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, fake_vk: FakeVk
) -> AsyncIterator[Talk]:
    """Vera has written. Nobody else sends here: only the doors for webhooks are open."""
    own = replace(addresses, database_url=database_url)
    known = account(str(fake_vk.group), settings={"api_url": fake_vk.api_url}, token=fake_vk.token.encode())
    async with running_pulse(own, tmp_path, roles=("ingest",)) as pulse, httpx2.AsyncClient() as http:
        fake_vk.webhook = str(pulse.http.base_url.join(pulse.webhook("vk")))
        await fake_vk.message(VERA, "Hello")
        yield Talk(pulse, fake_vk, Vk(known, http))
        await fake_vk.until_echoed()


async def test_an_echo_before_the_answer_confirms_the_reply(talk: Talk) -> None:
    talk.fake.echoes = "before"
    of, before = await talk.reply("Good day"), await talk.now_at()
    await talk.sent(of, await talk.send(of, "Good day"))
    assert await talk.happened(before) == ["chat.reply-echoed", "chat.reply-sent"]
    assert (await talk.chat()).reached == {of: SENT}


async def test_an_echo_after_the_answer_says_nothing_new(talk: Talk) -> None:
    of, before = await talk.reply("Good day"), await talk.now_at()
    number = await talk.send(of, "Good day")
    await talk.sent(of, number)
    await talk.fake.echo(talk.fake.messages[-1])
    assert await talk.happened(before) == ["chat.reply-sent"]
    assert (await talk.chat()).find(number) == of


async def test_an_echo_settles_what_was_uncertain(talk: Talk) -> None:
    talk.fake.next(hang_up())
    of = await talk.reply("Good day")
    with pytest.raises(MaybeSent):
        await talk.send(of, "Good day")
    await talk.decide(lambda chat: chat.doubt(of, attempt=1, reason="no answer", now=NOW))
    assert (await talk.chat()).outgoing[of].unsure
    await talk.fake.echo(talk.fake.messages[-1])
    assert (await talk.chat()).reached == {of: SENT}


async def test_what_an_admin_writes_in_vk_is_a_reply_from_outside(talk: Talk) -> None:
    before = await talk.now_at()
    await talk.fake.answer_in_vk(VERA, "Boris here, from VK", admin=77100555)
    [echoed] = await since(talk.pulse, before)
    assert (echoed.event.text, echoed.event.outside_author, echoed.event.confirms) == (
        "Boris here, from VK", "77100555", None,
    )  # fmt: skip
    assert (await talk.chat()).unread == []


async def test_a_read_mark_reaches_the_replies_before_it_and_no_others(talk: Talk) -> None:
    versions = []
    for text in ("One", "Two"):
        of = await talk.reply(text)
        versions.append(of)
        await talk.sent(of, await talk.send(of, text))
    first, second = versions
    await talk.fake.read(VERA, talk.fake.messages[0].number)
    assert (await talk.chat()).reached == {first: READ, second: SENT}
    await talk.fake.read(VERA)
    assert (await talk.chat()).reached == {first: READ, second: READ}


async def test_a_reply_that_was_read_before_its_answer_came_is_read(talk: Talk) -> None:
    of = await talk.reply("Good day")
    number = await talk.send(of, "Good day")
    await talk.fake.read(VERA)
    await talk.sent(of, number)
    assert (await talk.chat()).reached == {of: READ}


async def test_who_forbids_messages_gets_none_until_they_allow_them_or_write(talk: Talk) -> None:
    before, of = await talk.now_at(), await talk.reply("Good day")
    for back in (talk.fake.allow(VERA), talk.fake.message(VERA, "I am back")):
        await talk.fake.deny(VERA)
        with pytest.raises(NeverDelivered) as raised:
            await talk.send(of, "Good day")
        assert raised.value.unreachable
        await back
    assert await talk.send(of, "Good day") is not None
    assert talk.fake.seen_in(VERA) == ["Good day"]
    happened = await talk.happened(before)
    assert [kind for kind in happened if kind.startswith("customer")][:3] == [
        "customer.left", "customer.returned", "customer.left",
    ]  # fmt: skip
