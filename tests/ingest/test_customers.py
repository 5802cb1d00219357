"""Who writes: what a delivery tells of them, whether they can be reached, and whom nobody listens to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from pulse.aggregates.blocklist import blocklist_id
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.customer import Customer, customer_id
from pulse.eventlog.commands import subject_of_key
from tests.channels.recorded import recorded
from tests.conftest import Pulse
from tests.ingest.test_webhooks import PROOF, TELEGRAM_SECRET
from tests.world import Bot, Desk, a_bot, a_name, is_problem, kinds, rows, settled, since, until_kept, update
from tests.world import vera_writes as simulator_writes

SAID, PROFILE = "chat.message-received", "customer.profile-changed"


def named(number: int, first: str, person: int = 77, **more: Any) -> dict[str, Any]:
    body = update(number, person=person)
    body["message"]["from"] |= {"first_name": first, **more}
    return body


async def told(pulse: Pulse, bot: Bot, body: dict[str, Any]) -> list[str]:
    """What became of a delivery."""
    before = await pulse.house.log.last_position()
    assert (await bot.post(body)).status_code == 200
    return kinds(await since(pulse, before))


async def customer_of(pulse: Pulse, source: UUID, peer: str = "77") -> Customer:
    found = await pulse.house.store.load(Customer, customer_id(source, peer))
    assert found is not None
    return found


# Profiles


async def test_a_new_name_changes_the_profile_and_the_chats_title(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    await bot.post(named(1, "Vera"))
    assert await told(shared, bot, named(2, "Vera")) == [SAID]
    assert await told(shared, bot, named(3, "Вера", username="vera")) == [SAID, PROFILE]
    assert await told(shared, bot, named(4, "Вера", username="vera")) == [SAID]
    assert await told(shared, bot, named(1, "Vera")) == []  # a late repeat brings no old name back
    customer = await customer_of(shared, bot.id)
    assert (customer.name, customer.username) == ("Вера", "vera")
    shown = await desk.get("anna", f"/api/chats/{chat_id(bot.id, '77')}", at=await settled(shared))
    assert shown.json()["name"] == "Вера"


async def test_an_edit_may_bring_the_new_name_first(shared: Pulse) -> None:
    bot = await a_bot(shared)
    await bot.post(named(1, "Vera"))
    edited = {"update_id": 2, "edited_message": named(1, "Вера")["message"]}
    assert await told(shared, bot, edited) == ["chat.message-edited", PROFILE]
    assert await told(shared, bot, named(3, "Вера")) == [SAID]


async def test_a_usual_message_loads_nothing_but_its_chat(shared: Pulse) -> None:
    bot = await a_bot(shared)
    await bot.post(named(1, "Vera"))
    subject = subject_of_key((Customer, customer_id(bot.id, "77")))
    cache = shared.house.store.cache
    cache.forget([subject])
    for number in range(2, 5):
        await bot.post(named(number, "Vera"))
    assert subject not in cache
    await bot.post(named(5, "Вера"))
    assert subject in cache


async def test_a_group_changes_nobodys_profile(shared: Pulse) -> None:
    bot = await a_bot(shared)
    for number, name in enumerate(("Vera", "Вера", "Kirill"), 1):
        body = named(number, name, person=77)
        body["message"]["chat"] = {"id": -5, "type": "group", "title": "Neighbours"}
        happened = await told(shared, bot, body)
    assert happened == [SAID]


@pytest.mark.parametrize(("whose", "phone"), [(77, "+79995550142"), (78, None), (None, None)])
async def test_only_ones_own_contact_is_ones_phone(shared: Pulse, whose: int | None, phone: str | None) -> None:
    bot = await a_bot(shared)
    body = named(1, "Vera")
    del body["message"]["text"]
    body["message"]["contact"] = {"phone_number": "+79995550142", "first_name": "Vera"}
    body["message"]["contact"] |= {} if whose is None else {"user_id": whose}
    await bot.post(body)
    assert (await customer_of(shared, bot.id)).phone == phone
    await bot.post(named(2, "Vera"))
    await settled(shared)
    known = customer_id(bot.id, "77")
    [row] = await rows(shared, "select phone from read.customers where customer_id = %(id)s", id=known)
    assert row["phone"] == phone


# Reach


async def test_who_blocks_the_bot_is_shown_as_gone_and_gets_no_reply_until_they_write(
    shared: Pulse, desk: Desk
) -> None:
    bot = await a_bot(shared)
    chat = chat_id(bot.id, "77")
    await bot.post(named(1, "Vera"))
    who = {"id": 77, "is_bot": False, "first_name": "Vera"}
    gone = {"chat": {"id": 77, "type": "private"}, "from": who, "date": 1795165200,
            "old_chat_member": {"status": "member", "user": who}, "new_chat_member": {"status": "kicked", "user": who}}  # fmt: skip
    blocked = {"update_id": 2, "my_chat_member": gone}
    assert await told(shared, bot, blocked) == ["customer.left", "chat.customer-lost"]
    assert await told(shared, bot, blocked) == []
    assert (await desk.get("anna", f"/api/chats/{chat}", at=await settled(shared))).json()["reachable"] is False
    refused = is_problem(await desk.reply("anna", chat), 409, "customer-unreachable")
    assert refused["title"].startswith("This customer can't be written to")
    assert await told(shared, bot, named(3, "Vera")) == [SAID, "customer.returned"]
    assert (await customer_of(shared, bot.id)).reachable
    assert (await desk.reply("anna", chat)).status_code == 201
    assert (await desk.get("anna", f"/api/chats/{chat}", at=await settled(shared))).json()["reachable"] is True


# Blocked


async def block(pulse: Pulse, desk: Desk, source: UUID, peer: str) -> str:
    """Anna blocks somebody; returns the customer's address."""
    address = f"/api/customers/{customer_id(source, peer)}"
    await settled(pulse)
    answer = await desk.post("anna", f"{address}/block", {"reason": "spam"})
    assert answer.status_code == 200, answer.text
    return address


KEPT = "select * from trace.rejections where source = %(source)s and outcome = 'blocked'"


async def test_a_blocked_sender_is_answered_and_leaves_only_a_trace(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    await bot.post(update(1))
    address = await block(shared, desk, bot.id, "77")
    cache, chat = shared.house.store.cache, subject_of_key((Chat, chat_id(bot.id, "77")))
    cache.forget([chat])
    before = await shared.house.log.last_position()
    for body in (update(2), {"update_id": 3, "edited_message": update(1)["message"]}):
        answer = await bot.post(body)
        assert (answer.status_code, answer.content) == (200, b"{}")
    assert await shared.house.log.last_position() == before
    assert chat not in cache  # not even looked at
    assert await told(shared, bot, update(4, person=78))  # others are heard
    [trace, *_] = await until_kept(shared, KEPT, source=str(bot.id))
    assert trace["reason"] == "2"
    listed = (await desk.get("admin", "/api/deliveries", outcome="blocked", source=bot.id)).json()["items"]
    assert {one["external_id"] for one in listed} >= {"2"}
    await desk.post("anna", f"{address}/unblock")
    assert await told(shared, bot, update(5)) == [SAID]


async def test_a_large_delivery_of_a_blocked_sender_is_kept_nowhere(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    await bot.post(update(1))
    await block(shared, desk, bot.id, "77")
    blobs = shared.house.settings.data_dir / "blobs"
    before = sorted(blobs.rglob("*"))
    assert (await bot.post(update(2, "x" * 300_000))).status_code == 200
    assert sorted(blobs.rglob("*")) == before


async def test_a_blocked_member_of_a_group_is_not_heard_and_the_others_are(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    await bot.post(update(1))
    await block(shared, desk, bot.id, "77")

    def in_group(number: int, person: int) -> dict[str, Any]:
        body = update(number, person=person)
        body["message"]["chat"] = {"id": -5, "type": "group", "title": "Neighbours"}
        return body

    assert await told(shared, bot, in_group(2, 78)) == ["chat.opened", SAID, "customer.met"]
    assert await told(shared, bot, in_group(3, 77)) == []


async def test_blocking_holds_on_one_source_only(shared: Pulse, desk: Desk) -> None:
    one, other = await a_bot(shared), await a_bot(shared)
    for bot in (one, other):
        await bot.post(update(1))
    await block(shared, desk, one.id, "77")
    assert await told(shared, one, update(2)) == []
    assert await told(shared, other, update(2)) == [SAID]
    blocks = await shared.house.log.read_all(f"pulse.ev.blocklist.*.{blocklist_id(one.id).hex}", 1)
    assert len(blocks) == 2


RECORDED = ["01_text_private", "09_edited_message", "10_callback_query", "16_my_chat_member_blocked"]


async def test_whatever_a_blocked_sender_does_leaves_no_event(shared: Pulse, desk: Desk) -> None:
    headers = {PROOF: TELEGRAM_SECRET}
    bodies = [recorded("telegram", name) for name in RECORDED]
    await shared.http.post(shared.webhook("telegram"), content=bodies[0], headers=headers)
    source = UUID(shared.webhook("telegram").rsplit("/", 1)[1])
    await settled(shared)
    [peer] = {row["peer"] for row in await rows(
        shared, "select peer from read.customers where source_id = %(source)s", source=source)}  # fmt: skip
    await block(shared, desk, source, peer)
    before = await shared.house.log.last_position()
    for body in bodies:
        answer = await shared.http.post(shared.webhook("telegram"), content=body, headers=headers)
        assert answer.status_code == 200
    assert await shared.house.log.last_position() == before


async def test_a_simulator_read_mark_of_a_blocked_sender_is_passed_over(shared: Pulse, desk: Desk) -> None:
    peer = a_name()
    chat = await simulator_writes(shared, peer)
    await desk.reply("anna", chat)
    source = UUID(shared.webhook("simulator").rsplit("/", 1)[1])
    await block(shared, desk, source, peer)
    before = await shared.house.log.last_position()
    for kind in ("read", "typing"):
        body = {"from": peer, "type": kind, "message_id": "m1"}
        assert (await shared.http.post(shared.webhook("simulator"), json=body)).status_code == 200
    assert await shared.house.log.last_position() == before
