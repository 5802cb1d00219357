"""A rehearsal appends nothing; done for good, it is what was rehearsed or it is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import (
    ChatClosed,
    ChatOpened,
    ChatReopened,
    MessageReceived,
)
from pulse.aggregates.customer import Customer
from pulse.errors import NotFound
from pulse.eventlog.jetstream import Log
from pulse.eventlog.rehearsal import Act, NotAsShown, Rehearsal
from pulse.eventlog.store import EventStore
from tests.given import ANNA, NOW, a_chat, closed_by, message, vera_writes
from tests.projections.told import vera

CHAT = a_chat().id


def opens(external_id: str) -> Callable[[Chat | None, Customer | None], tuple[Chat, Customer]]:
    def decision(chat: Chat | None, customer: Customer | None) -> tuple[Chat, Customer]:
        chat = chat or a_chat()
        vera_writes(external_id)(chat)
        return chat, customer or vera()

    return decision


def known(act: Callable[[Chat], object]) -> Callable[[Chat | None], Chat]:
    def decision(chat: Chat | None) -> Chat:
        if chat is None:
            raise NotFound
        act(chat)
        return chat

    return decision


async def rehearsed(store: EventStore, external_id: str) -> Act:
    rehearsal = Rehearsal(store.log)
    act = rehearsal.begin()
    await rehearsal.decide_together([(Chat, CHAT), (Customer, vera().id)], opens(external_id), by="customer")
    return act


async def test_a_rehearsal_appends_nothing_and_its_later_decisions_see_the_earlier_ones(
    log: Log, store: EventStore
) -> None:
    rehearsal = Rehearsal(log)
    first = rehearsal.begin()
    await rehearsal.decide_together([(Chat, CHAT), (Customer, vera().id)], opens("u1"), by="customer")
    second = rehearsal.begin()
    decided = await rehearsal.decide(Chat, CHAT, known(vera_writes("u2")), by="customer")
    assert decided.version == 3
    assert [type(event).__name__ for event in first.events] == ["ChatOpened", "MessageReceived", "CustomerMet"]
    assert [event.originator_version for event in second.events] == [3]
    assert await log.last_position() == 0
    assert await store.load(Chat, CHAT) is None


async def test_a_refusal_comes_out_and_is_no_part_of_the_act(log: Log) -> None:
    rehearsal = Rehearsal(log)
    act = rehearsal.begin()
    with pytest.raises(NotFound):
        await rehearsal.decide(Chat, CHAT, known(vera_writes("u1")), by="customer")
    assert (act.steps, act.events) == ([], [])


async def test_what_was_rehearsed_is_done_in_one_step_and_names_its_cause(log: Log, store: EventStore) -> None:
    act = await rehearsed(store, "u1")
    decided = await act.perform(store, by="system", cause="delivery:7")
    assert [type(event) for event in decided.events[:2]] == [ChatOpened, MessageReceived]
    stored = await log.read(1)
    assert (len(stored), decided.position) == (3, 3)
    assert all(b'"cause":"delivery:7"' in one.body for one in stored)


async def test_it_is_done_at_another_version_but_not_with_another_outcome(log: Log, store: EventStore) -> None:
    await store.decide(Chat, CHAT, lambda chat: chat or a_chat(), by="system")
    act = await rehearsed(store, "u1")
    await store.decide(Chat, CHAT, known(vera_writes("u2")), by="customer")
    decided = await act.perform(store, by="system", cause="delivery:7")
    assert [type(event) for event in decided.events[:1]] == [MessageReceived]
    assert decided.version == 3

    other = await rehearsed(store, "u3")
    await store.decide(Chat, CHAT, known(closed_by(ANNA)), by="system")
    before = await log.last_position()
    with pytest.raises(NotAsShown):
        await other.perform(store, by="system", cause="delivery:7")
    assert await log.last_position() == before
    found = await store.load(Chat, CHAT)
    assert found is not None
    assert (found.version, found.closed) == (4, True)


async def test_done_twice_it_is_refused_and_leaves_nothing(log: Log, store: EventStore) -> None:
    act = await rehearsed(store, "u1")
    await act.perform(store, by="system", cause="delivery:7")
    with pytest.raises(NotAsShown):
        await act.perform(store, by="system", cause="delivery:7")
    assert await log.last_position() == 3
    # What was refused spoiled nothing in the store's own memory.
    await store.decide(Chat, CHAT, known(closed_by(ANNA)), by="system")
    decided = await store.decide(Chat, CHAT, known(vera_writes("u2")), by="customer")
    assert [type(event) for event in decided.events] == [ChatReopened, MessageReceived]
    assert ChatClosed in {type(event) for event in (await rehearsed_close(store)).events}


async def rehearsed_close(store: EventStore) -> Act:
    rehearsal = Rehearsal(store.log)
    act = rehearsal.begin()
    await rehearsal.decide(Chat, CHAT, known(closed_by(ANNA)), by="system")
    return act


async def test_a_digest_stands_for_what_happens_and_not_for_when() -> None:
    digests = []
    for text in ("Hello", "Hello", "Hallo"):
        chat = a_chat()
        chat.receive(message("u1", text=text), raw="{}", now=NOW)
        digests.append(Act(events=list(chat.collect_events())).digest)
    assert digests[0] == digests[1] != digests[2]


async def test_nothing_to_do_asks_the_log_for_nothing(log: Log, store: EventStore) -> None:
    decided = await Act().perform(store, by="system", cause="delivery:7")
    assert (decided.position, decided.events, await log.last_position()) == (0, (), 0)
