"""Linking: one identity is one person's, whoever decides and however many at once."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from pulse.accounts import Accounts
from pulse.aggregates.identity import Identity, LinkedToAnother, NotAnIdentity, identity_id
from pulse.aggregates.moderator import moderator_id
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.house import now
from pulse.linking import Linking
from pulse.vault import Vault


@pytest.fixture
async def linking(store: EventStore) -> Linking:
    accounts = Accounts(store, Vault(b"k" * 32), now)
    for name in ("anna", "boris"):
        await accounts.invite(f"{name}@pulse.example", name, "moderator", (), "password")
    return Linking(store, now)


ANNA, BORIS = moderator_id("anna@pulse.example"), moderator_id("boris@pulse.example")


async def test_of_many_at_once_one_person_gets_it(linking: Linking, store: EventStore) -> None:
    tries = [linking.link(person, "vk", "77", by="test") for _ in range(5) for person in (ANNA, BORIS)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, Decided) and bool(answer.events) for answer in answers) == 1
    assert sum(isinstance(answer, LinkedToAnother) for answer in answers) == 5
    identity = await store.load(Identity, identity_id("vk", "77"))
    assert identity is not None
    assert identity.version == 1


async def test_strangers_and_odd_numbers_are_refused(linking: Linking, store: EventStore) -> None:
    before = await store.log.last_position()
    with pytest.raises(NotFound):
        await linking.link(uuid4(), "vk", "77", by="test")
    with pytest.raises(NotAnIdentity):
        await linking.link(ANNA, "vk", "seventy", by="test")
    assert await store.log.last_position() == before


async def test_several_are_unlinked_together_or_none_is(linking: Linking, store: EventStore) -> None:
    for person, number in ((ANNA, "77"), (ANNA, "78"), (BORIS, "79")):
        await linking.link(person, "vk", number, by="test")
    before = await store.log.last_position()
    for wanted in (["77", "79"], ["77", "80"], []):
        with pytest.raises(NotFound):
            await linking.unlink(ANNA, [identity_id("vk", number) for number in wanted], by="test")
    assert await store.log.last_position() == before
    decided = await linking.unlink(ANNA, [identity_id("vk", number) for number in ("77", "78")], by="test")
    assert len(decided.events) == 2
    assert (await linking.link(BORIS, "vk", "77", by="test")).events
