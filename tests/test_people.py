"""People are invited and changed, and there is always an admin left, however many leave at once."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from pulse.aggregates.admins import LastAdmin
from pulse.aggregates.moderator import Moderator, ModeratorInvited, NotAName, NotAnInvitation, UnknownRole
from pulse.embedded import Addresses
from pulse.errors import NotFound
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.house import now
from pulse.passwords import HASHER
from pulse.people import Newcomer, People

BY = "system"


def newcomer(name: str, role: str = "admin") -> Newcomer:
    return Newcomer(f"{name}@pulse.example", name, role, ())


async def people(store: EventStore, *names: str) -> tuple[People, list[UUID]]:
    """Admins, and somebody who has heard of all of them, for good: what was heard may be old."""
    wanted = [newcomer(name) for name in names]
    known = frozenset(one.id for one in wanted)
    made = People(store, now, lambda: known)
    for one in wanted:
        await made.invite(one, password="long enough", by=BY)
    return made, [one.id for one in wanted]


async def active(store: EventStore, everybody: list[UUID]) -> set[UUID]:
    found = [await store.load(Moderator, one) for one in everybody]
    return {one.id for one in found if one is not None and one.role == "admin" and not one.disabled}


async def test_the_last_admin_is_neither_disabled_nor_demoted(store: EventStore) -> None:
    made, [anna, boris] = await people(store, "anna", "boris")
    assert (await made.disable(anna, by=BY)).events
    before = await store.log.last_position()
    with pytest.raises(LastAdmin):
        await made.disable(boris, by=BY)
    with pytest.raises(LastAdmin):
        await made.change(boris, role="moderator", by=BY)
    assert await store.log.last_position() == before
    await made.change(boris, name="Boris B.", role="admin", by=BY)
    assert (await made.enable(anna, by=BY)).events
    assert (await made.change(boris, role="moderator", by=BY)).events
    assert await active(store, [anna, boris]) == {anna}


@pytest.mark.parametrize("round_", range(10))
async def test_of_admins_who_disable_each_other_at_once_one_stays(
    addresses: Addresses, log: Log, store: EventStore, round_: int
) -> None:
    """Two processes, each with a memory of its own of who there is."""
    here, [anna, boris, nina] = await people(store, "anna", "boris", "nina")
    other = await Log.connect(addresses.nats_url, name="other")
    there = People(EventStore(other), now, here.admins)
    for one in (anna, boris, nina):
        await there.change(one, by=BY)  # fills the other's memory
    acts = [
        here.disable(anna, by=BY), there.disable(boris, by=BY), here.change(nina, role="moderator", by=BY),
        there.disable(anna, by=BY), here.disable(boris, by=BY), there.disable(nina, by=BY),
    ]  # fmt: skip
    ended = await asyncio.gather(*acts[round_ % 3 :], *acts[: round_ % 3], return_exceptions=True)
    await other.close()
    assert len(await active(store, [anna, boris, nina])) == 1
    assert any(isinstance(one, LastAdmin) for one in ended)


async def test_a_moderator_may_always_be_disabled(store: EventStore) -> None:
    made, _ = await people(store, "anna")
    olga = newcomer("olga", "moderator")
    await made.invite(olga, password=None, by=BY)
    assert (await made.disable(olga.id, by=BY)).events
    assert not (await made.disable(olga.id, by=BY)).events


async def test_what_is_wrong_is_refused_before_anything_is_stored(store: EventStore) -> None:
    made, [anna, _] = await people(store, "anna", "boris")
    before = await store.log.last_position()
    for wrong, rule in (({"role": "owner", "name": "x"}, UnknownRole), ({"name": " ", "role": "moderator"}, NotAName)):
        with pytest.raises(rule):
            await made.change(anna, by=BY, **wrong)
    with pytest.raises(NotFound):
        await made.disable(UUID(int=1), by=BY)
    assert await store.log.last_position() == before


async def test_an_invited_person_has_a_password_that_nobody_knows_until_they_set_one(store: EventStore) -> None:
    made, _ = await people(store, "anna")
    invited = await made.invite(newcomer("olga"), password=None, by=BY)
    olga = newcomer("olga").id
    event = invited.events[0]
    assert isinstance(event, ModeratorInvited)
    assert event.password_hash.startswith("$argon2id$")
    await made.accept(olga, invited.version, "a long sentence")
    found = await store.load(Moderator, olga)
    assert found is not None
    assert HASHER.verify(found.password_hash, "a long sentence")
    assert not (await made.invite(newcomer("olga"), password=None, by=BY)).events


async def test_a_link_that_two_use_at_once_counts_for_one(store: EventStore) -> None:
    made, [anna] = await people(store, "anna")
    link = (await made.make_link(anna, by=BY)).version
    ended = await asyncio.gather(
        *(made.accept(anna, link, f"a long walk {number}") for number in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, NotAnInvitation) for one in ended) == 3
