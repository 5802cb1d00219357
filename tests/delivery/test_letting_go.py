"""Chats of somebody who was disabled become free again: at once, after a restart, and those given away too late."""

from __future__ import annotations

from uuid import UUID

import pytest

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.moderator import moderator_id
from pulse.delivery.letting_go import LettingGo
from pulse.house import now
from pulse.projections.reads import Reads
from tests.conftest import Pulse
from tests.given import SHOP
from tests.insisting import insist
from tests.world import Desk, a_name, kinds, newer_wrote, settled, since, vera_writes

ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))


async def holder(desk: Desk, chat: UUID) -> object:
    await settled(desk.pulse)
    return (await desk.get("admin", f"/api/chats/{chat}")).json()["holder"]


async def test_open_chats_of_a_disabled_person_become_free_and_others_stay(whole_pulse: Pulse) -> None:
    desk = Desk(whole_pulse)
    mine, closed, other = [await vera_writes(whole_pulse, a_name()) for _ in range(3)]
    for name, chat in (("anna", mine), ("anna", closed), ("boris", other)):
        assert (await desk.post(name, f"/api/chats/{chat}/open")).status_code == 200
    await desk.post("anna", f"/api/chats/{closed}/close")
    before = await settled(whole_pulse)
    assert (await desk.post("admin", f"/api/users/{ANNA}/disable")).status_code == 200
    await insist(lambda: holder(desk, mine), lambda found: found is None)
    assert await holder(desk, other)
    assert kinds(await since(whole_pulse, before)).count("chat.unassigned") == 1
    row = (await desk.get("boris", f"/api/chats/{mine}")).json()
    assert row["department"] is not None, "its department's members still see it"


async def test_whatever_is_left_is_freed_however_many_there_are(pulse: Pulse, monkeypatch) -> None:
    monkeypatch.setattr("pulse.delivery.letting_go.AT_ONCE", 2)
    desk, house = Desk(pulse), pulse.house
    chats = [await vera_writes(pulse, a_name()) for _ in range(5)]
    for chat in chats:
        await desk.post("anna", f"/api/chats/{chat}/open")
    await desk.post("admin", f"/api/users/{ANNA}/disable")
    async with Reads.open(house.addresses.database_url, house.log) as reads:
        letting_go = LettingGo(house.store, house.directory, reads, now)
        assert letting_go.disabled() == {ANNA}
        await letting_go.free_all(letting_go.disabled())
        before = await house.log.last_position()
        await letting_go.free_all(letting_go.disabled())
        assert await house.log.last_position() == before
    assert [await holder(desk, chat) for chat in chats] == [None] * 5


async def test_what_can_not_be_freed_keeps_no_other(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    """More chats than are looked at at once: without a department, or of a newer Pulse."""
    monkeypatch.setattr("pulse.delivery.letting_go.AT_ONCE", 2)
    desk, house = Desk(pulse), pulse.house
    mine, newer = [await vera_writes(pulse, a_name()) for _ in range(2)]
    for chat in (mine, newer):
        await desk.post("anna", f"/api/chats/{chat}/open")
    placeless = [await without_department(pulse, a_name()) for _ in range(2)]
    await newer_wrote(house.log, newer)
    await desk.post("admin", f"/api/users/{ANNA}/disable")
    async with Reads.open(house.addresses.database_url, house.log) as reads:
        await LettingGo(house.store, house.directory, reads, now).free_all(frozenset({ANNA}))
    held = [await holder(desk, chat) for chat in (mine, newer, *placeless)]
    assert [bool(who) for who in held] == [False, True, True, True]


async def without_department(pulse: Pulse, peer: str) -> UUID:
    """A chat that Anna holds."""

    def decision(_: Chat | None) -> Chat:
        chat = Chat.open(
            source_id=SHOP, channel="telegram", peer=peer, title="Vera", group=False, department_id=None,
            customer_id=UUID(int=77), now=now(),
        )  # fmt: skip
        chat.take(ANNA, now=now())
        return chat

    await pulse.house.store.decide(Chat, chat_id(SHOP, peer), decision, by="test")
    return chat_id(SHOP, peer)
