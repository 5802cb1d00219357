"""What moderators, admins and customers see while Telegram or VK is in trouble, through a whole Pulse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from pulse import wiring
from pulse.delivery import calling
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import running_pulse
from tests.fakes import telegram as telegrams
from tests.fakes import vk_moods
from tests.fakes.telegram import FakeTelegram
from tests.fakes.vk import SEND, FakeVk
from tests.insisting import insist
from tests.journeys.answering import IDS, Talks, Written, chat_of, run_pulse, talking
from tests.world import is_problem

VERA, OLEG = 615550142, 615550143
GROUP, SUPERGROUP = -4001, -1002100345678


@pytest.fixture
async def talks(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, fake_telegram: FakeTelegram, fake_vk: FakeVk
) -> AsyncIterator[Talks]:
    """All roles in one process, as `pulse up` runs them."""
    own = replace(addresses, database_url=database_url)
    async with running_pulse(own, tmp_path, wiring.ROLES) as pulse, talking(pulse, fake_telegram, fake_vk) as talks:
        yield talks


async def asked_and_answered(talks: Talks, channel: str, person: int = VERA, text: str = "Good day") -> Written:
    await talks.hear(channel, person)
    return await talks.answer(channel, person, text)


async def until_lost(talks: Talks, chat: UUID) -> None:
    """Returns once a chat is shown as one that can't be written to."""

    async def reachable() -> bool:
        found: bool = (await talks.ask("GET", f"/api/chats/{chat}")).json()["reachable"]
        return found

    await insist(reachable, lambda reachable: not reachable)


async def test_a_pause_that_telegram_asks_for_holds_up_that_chat_only(talks: Talks) -> None:
    talks.telegram.next(telegrams.busy(3600), chat_id=OLEG)
    talks.telegram.next(telegrams.busy(1), chat_id=VERA)
    waiting = await asked_and_answered(talks, "telegram", OLEG)
    later = await asked_and_answered(talks, "telegram", VERA)
    await talks.until(later, "sent")
    asked, again = [call.at for call in talks.telegram.calls if call.chat_id == str(VERA)]
    assert again - asked >= 1
    entry = await talks.until(waiting, "sending")
    assert (entry["attempt"], entry["again_at"] > entry["created_at"]) == (1, True)
    assert "retry after 3600" in entry["error"]
    assert (talks.at_customer(later), talks.at_customer(waiting)) == (["Good day"], [])


def block(talks: Talks, channel: str) -> None:
    if channel == "telegram":
        talks.telegram.block(VERA)
    else:
        talks.vk.refuse(VERA, 901)


@pytest.mark.parametrize("channel", ["telegram", "vk"])
async def test_who_blocked_us_is_written_to_again_when_they_write(talks: Talks, channel: str) -> None:
    await talks.hear(channel, VERA)
    block(talks, channel)
    lost = await talks.answer(channel, VERA, "Good day")
    assert (await talks.until(lost, "failed"))["error"]
    await until_lost(talks, lost.chat)
    refused = await talks.ask("POST", f"/api/chats/{lost.chat}/messages", {"text": "Are you there?"})
    is_problem(refused, 409, "customer-unreachable")
    talks.telegram.unblock(VERA)
    found = await asked_and_answered(talks, channel, text="Welcome back")
    await talks.until(found, "sent")
    assert talks.at_customer(found) == ["Welcome back"]
    await talks.decide(lost, "send-again")
    await talks.until(lost, "sent")
    assert talks.at_customer(lost) == ["Welcome back", "Good day"]


@pytest.mark.parametrize("channel", ["telegram", "vk"])
async def test_a_refused_token_halts_its_source_until_a_new_one_is_set_and_nothing_is_lost(
    talks: Talks, channel: str
) -> None:
    talks.telegram.tokens, talks.vk.token = {"7000000001:AANewNewNew"}, "vk1.a.NewNewNew"
    replies = [await asked_and_answered(talks, channel, person) for person in (VERA, OLEG)]
    replies.append(await talks.answer(channel, VERA, "And one more"))
    alert = await talks.until_alerted("source.halted")
    assert (alert["data"]["source_id"], alert["data"]["until"]) == (str(IDS[channel]), None)
    assert {entry["status"] for entry in (await talks.shown()).values()} <= {"pending", "sending", "waiting"}
    token = "7000000001:AANewNewNew" if channel == "telegram" else talks.vk.token
    await run_pulse(talks.pulse, "source", "set", str(IDS[channel]), "--token", token)
    await talks.until_alerted("source.resumed")
    await talks.until_all("sent")
    assert talks.at_customer(replies[0]) == ["Good day", "And one more"]
    assert talks.at_customer(replies[1]) == ["Good day"]


async def test_a_group_that_became_a_supergroup_is_answered_there(talks: Talks) -> None:
    group = {"id": GROUP, "type": "group", "title": "Neighbours"}
    who = {"id": VERA, "is_bot": False, "first_name": "Vera"}
    await talks.telegram.update(
        message={"message_id": 7, "from": who, "chat": group, "date": 1795165200, "text": "Anybody?"}
    )
    talks.telegram.migrate(GROUP, SUPERGROUP)
    for text in ("Here", "Both of us"):
        await talks.until(await talks.answer("telegram", GROUP, text), "sent")
    assert talks.telegram.seen_in(SUPERGROUP) == ["Here", "Both of us"]
    assert [call.chat_id for call in talks.telegram.calls] == [str(GROUP), str(SUPERGROUP), str(SUPERGROUP)]


async def test_an_answer_of_vk_that_got_lost_makes_no_second_message(talks: Talks) -> None:
    talks.vk.next(vk_moods.hang_up(taken=True), method=SEND)
    reply = await asked_and_answered(talks, "vk")
    await talks.until(reply, "sent")
    assert talks.at_customer(reply) == ["Good day"]
    first, second = talks.vk.fields_of(SEND)
    assert first == second


async def test_what_may_have_arrived_at_vk_is_not_shown_as_failed(talks: Talks) -> None:
    talks.vk.next(vk_moods.hang_up(taken=True), vk_moods.error_for_peer(901), method=SEND)
    reply = await asked_and_answered(talks, "vk")
    assert "901" in (await talks.until(reply, "uncertain", "failed", "sent"))["error"]
    await talks.decide(reply, "arrived")
    await talks.until(reply, "sent")
    assert talks.at_customer(reply) == ["Good day"]


async def test_vk_that_is_called_too_often_is_called_again_later(talks: Talks) -> None:
    talks.vk.next(vk_moods.error(6), method=SEND)
    reply = await asked_and_answered(talks, "vk")
    await talks.until(reply, "sent")
    assert (talks.at_customer(reply), len(talks.vk.fields_of(SEND))) == (["Good day"], 2)


async def test_what_vk_calls_flooding_waits_and_holds_up_nobody_else(talks: Talks) -> None:
    talks.vk.next(vk_moods.error(9), method=SEND, peer=OLEG)
    waiting = await asked_and_answered(talks, "vk", OLEG)
    refused = await insist(talks.shown, lambda shown: [entry for entry in shown.values() if entry.get("again_at")])
    assert refused[waiting.chat, waiting.id]["status"] == "sending"
    reply = await asked_and_answered(talks, "vk", VERA)
    await talks.until(reply, "sent")
    assert (talks.at_customer(waiting), talks.at_customer(reply)) == ([], ["Good day"])


async def test_an_answer_that_comes_after_our_patience_leaves_the_reply_to_people(
    talks: Talks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "CALL_SECONDS", 0.3)
    talks.telegram.next(telegrams.hold(taken=True))
    reply = await asked_and_answered(talks, "telegram")
    entry = await talks.until(reply, "uncertain")
    assert (entry["part"], entry["parts"], entry["error"]) == (1, 1, "The channel did not answer in 0 seconds.")
    talks.telegram.let_go.set()
    monkeypatch.undo()
    await talks.until(await talks.answer("telegram", VERA, "Are you there?"), "sent")
    assert (await talks.until(reply, "uncertain"))["status"] == "uncertain"
    await talks.decide(reply, "arrived")
    await talks.until_all("sent")
    assert talks.at_customer(reply) == ["Good day", "Are you there?"]
    assert chat_of("telegram", VERA) == reply.chat
