"""Chats find their moderators: once, by the department's policy, and only those who are there."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID

import orjson
import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.moderator import moderator_id
from pulse.delivery import routing
from pulse.delivery.rota import CAUSE, Rota
from pulse.eventlog.appends import Append, Stored
from pulse.eventlog.envelope import subject_of
from pulse.eventlog.jetstream import Log
from pulse.house import now
from tests.delivery.routing.conftest import ANNA, BORIS, NINA, PATIENCE, SALES, SUPPORT, Office, Worker, ended
from tests.given import message
from tests.insisting import insist
from tests.roster.talkers import talking


async def test_a_new_chat_goes_to_who_is_online_and_the_log_says_that_the_system_did_it(office: Office) -> None:
    await office.policy()
    await office.worker(ANNA)
    chat = await office.opens()
    assert await office.assigned(chat) == [ANNA]
    [one] = await office.assignments()
    assert (one.aggregate_id, one.envelope.by, one.envelope.cause) == (chat, "system", CAUSE)


async def test_turns_are_fair_over_thirty_chats(office: Office) -> None:
    await office.policy()
    await office.worker(ANNA, BORIS, NINA)
    chats = [await office.opens() for _ in range(30)]
    assert Counter(await office.assigned(*chats)) == {ANNA: 10, BORIS: 10, NINA: 10}


async def test_the_least_busy_gets_the_next_and_what_was_held_before_the_start_counts(office: Office) -> None:
    for holder in (ANNA, ANNA, BORIS, BORIS, NINA):
        await office.opens(SUPPORT, lambda chat, holder=holder: chat.assign(holder, now=now()))
    closed = await office.opens(
        SALES, lambda chat: chat.assign(BORIS, now=now()), lambda chat: chat.close(BORIS, now=now())
    )
    await office.policy("least-busy")
    await office.worker(ANNA, BORIS, NINA)
    first = await office.opens()
    assert await office.assigned(first) == [NINA]
    chats = [await office.opens() for _ in range(6)]
    held = Counter(await office.assigned(*chats))
    assert held + Counter({ANNA: 2, BORIS: 2, NINA: 2}) == {ANNA: 4, BORIS: 4, NINA: 4}
    assert await office.holder(closed) is None


async def test_nobody_gets_more_than_the_policy_allows_until_a_chat_is_closed(office: Office) -> None:
    await office.policy(max_chats=1)
    await office.worker(ANNA, BORIS)
    chats = [await office.opens() for _ in range(3)]
    assert set(await office.assigned(*chats[:2])) == {ANNA, BORIS}
    assert await office.holder(chats[2]) is None
    first = await office.holder(chats[0])
    assert first is not None
    closed = await office.act(chats[0], lambda chat: chat.close(first, now=now()))
    assert await office.assigned(chats[2]) == [first]
    assert (await office.assignments())[-1].position > closed.position


async def test_what_waits_is_given_away_when_somebody_comes_the_oldest_first(office: Office) -> None:
    await office.policy()
    chats = [await office.opens() for _ in range(5)]
    await office.act(chats[0], lambda chat: chat.transfer(SUPPORT, now=now()))
    await office.act(chats[0], lambda chat: chat.transfer(SALES, now=now()))
    await office.act(chats[1], lambda chat: chat.receive(message("again"), raw="{}", now=now()))
    worker = await office.worker()
    await asyncio.wait_for(worker.routing.lease.held.wait(), PATIENCE)
    assert await office.assignments() == []
    await worker.hears_of(ANNA)
    await office.assigned(*chats)
    assert [one.aggregate_id for one in await office.assignments()] == [*chats[1:], chats[0]]


async def test_who_is_away_disabled_not_connected_or_elsewhere_gets_nothing(office: Office) -> None:
    await office.policy()
    await office.accounts.invite("olga@pulse.example", "Olga", "moderator", (SALES,), "password")
    await office.accounts.invite("petr@pulse.example", "Petr", "moderator", (SUPPORT,), "password")
    olga, petr = moderator_id("olga@pulse.example"), moderator_id("petr@pulse.example")
    await office.change(ANNA, lambda moderator: moderator.go_away(now=now()))
    await office.change(olga, lambda moderator: moderator.disable(now=now()))
    await office.worker(ANNA, olga, petr, NINA)
    chats = [await office.opens() for _ in range(6)]
    assert await office.assigned(*chats) == [NINA] * 6  # Boris has no socket open


async def test_who_goes_away_while_chats_wait_gets_none_of_them(office: Office) -> None:
    await office.policy()
    worker = await office.worker()
    chats = [await office.opens() for _ in range(5)]
    await office.change(ANNA, lambda moderator: moderator.go_away(now=now()))
    await known_as_away(worker, ANNA)
    await worker.hears_of(ANNA)
    await worker.hears_of(ANNA, BORIS)
    assert set(await office.assigned(*chats)) == {BORIS}
    await office.change(ANNA, lambda moderator: moderator.come_back(now=now()))
    await office.change(BORIS, lambda moderator: moderator.go_away(now=now()))
    assert await office.assigned(await office.opens()) == [ANNA]


async def test_what_comes_after_going_away_in_the_log_waits_until_that_is_known(office: Office) -> None:
    worker = await office.worker(ANNA)
    worker.following.cancel()
    await asyncio.wait([worker.following])
    await office.change(ANNA, lambda moderator: moderator.go_away(now=now()))
    [went] = await office.log.read(await office.log.last_position())
    taking = asyncio.ensure_future(worker.routing._take(Rota(frozenset({SALES}), {}), went))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not taking.done()
    assert worker.routing._available(SALES) != []
    following = asyncio.create_task(worker.routing.directory.run())
    await asyncio.wait_for(taking, PATIENCE)
    assert worker.routing._available(SALES) == []
    await ended(following)


async def test_who_goes_between_the_choice_and_the_decision_gets_nothing(office: Office) -> None:
    worker = await office.worker(ANNA)
    chat = await office.opens()
    known = await office.store.load(Chat, chat)
    assert known is not None
    decided = worker.routing._decide(SALES, ANNA, known)
    assert decided is known
    assert known.holder_id == ANNA
    again = await office.store.load(Chat, chat)
    await worker.hears_of()
    worker.routing._decide(SALES, ANNA, again)
    assert again is not None
    assert again.holder_id is None


async def known_as_away(worker: Worker, who: UUID) -> None:
    def away() -> bool:
        person = worker.routing.directory.person(who)
        return person is not None and person.away

    async with asyncio.timeout(PATIENCE):
        await worker.routing.directory.wait_until(away)


async def test_a_chat_that_reopens_or_is_transferred_is_given_away_again(office: Office) -> None:
    await office.policy()
    await office.worker(ANNA)
    chat = await office.opens()
    await office.assigned(chat)
    await office.act(chat, lambda chat: chat.close(ANNA, now=now()))
    await office.act(chat, lambda chat: chat.receive(message("back"), raw="{}", now=now()))
    assert await office.assigned(chat) == [ANNA]
    elsewhere = await office.opens(SUPPORT)
    await office.act(elsewhere, lambda chat: chat.transfer(SALES, now=now()))
    assert await office.assigned(elsewhere) == [ANNA]


async def test_a_policy_that_comes_later_is_for_what_waits_already_and_one_that_ends_ends_it(office: Office) -> None:
    await office.policy(department=SUPPORT)
    await office.worker(ANNA, NINA)
    old = await office.opens()
    assert await office.assigned(await office.opens(SUPPORT)) == [NINA]
    assert await office.holder(old) is None
    await office.policy()
    await office.assigned(old)
    await office.policy("none")
    left = await office.opens()
    assert await office.assigned(await office.opens(SUPPORT)) == [NINA]
    assert await office.holder(left) is None


async def test_whoever_takes_a_chat_first_keeps_it(office: Office) -> None:
    """The worker believes that it waits; the chat knows better."""
    worker = await office.worker(ANNA)
    chat = await office.opens(SALES, lambda chat: chat.assign(BORIS, now=now()))
    before = await office.log.last_position()
    await worker.routing._give(chat, SALES, ANNA, Rota(frozenset({SALES}), {}))
    assert (await office.holder(chat), await office.log.last_position()) == (BORIS, before)


async def test_people_and_the_worker_at_the_same_moment_give_each_chat_one_holder(office: Office) -> None:
    await office.policy()
    await office.worker(ANNA, NINA)

    async def opened_and_taken() -> UUID:
        chat = await office.opens()
        await office.act(chat, lambda chat: chat.take(BORIS, now=now()))
        return chat

    chats = await asyncio.gather(*(opened_and_taken() for _ in range(20)))
    await office.assigned(*chats)
    given = Counter(one.aggregate_id for one in await office.assignments())
    assert given == dict.fromkeys(chats, 1)


async def test_of_two_workers_one_works_and_when_it_dies_the_other_goes_on(office: Office) -> None:
    await office.policy()
    first = await office.worker(ANNA, BORIS)
    await asyncio.wait_for(first.routing.lease.held.wait(), PATIENCE)
    second = await office.worker(ANNA, BORIS)
    chats = [await office.opens() for _ in range(10)]
    await office.assigned(chats[0])
    assert not second.routing.lease.held.is_set()
    await first.dies()
    chats += [await office.opens() for _ in range(10)]
    await office.assigned(*chats)
    assert second.routing.lease.held.is_set()
    assert Counter(one.aggregate_id for one in await office.assignments()) == dict.fromkeys(chats, 1)


async def test_the_next_worker_knows_whose_turn_it_is(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "SAVE_SECONDS", 0)
    monkeypatch.setattr(routing, "REPLAY", 0)  # only what was noted counts
    await office.policy()
    got = list[UUID]()
    for _ in range(4):
        worker = await office.worker(ANNA, BORIS)
        got += await office.assigned(await office.opens())
        await saved(office, worker)
        await worker.ends()
    assert got[:2] == got[2:]
    assert set(got) == {ANNA, BORIS}


async def saved(office: Office, worker: Worker) -> None:
    """Returns when the place behind the last assignment is noted."""
    position = (await office.assignments())[-1].position

    async def place() -> int:
        says = (await worker.routing._notes.read("place.routing")).says
        return int(says.get("position", 0))

    async with asyncio.timeout(PATIENCE):
        await insist(place, lambda found: found >= position)


POISON = {
    "no event at all": b"poison",
    "an event of a later Pulse": orjson.dumps(
        {"type": "chat.teleported", "v": 1, "ver": 3, "id": UUID(int=1), "at": now(), "by": "x", "data": {},
         "scope": {"department": SALES}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", POISON)
async def test_a_chat_that_can_not_be_read_does_not_stop_the_others(office: Office, what: str) -> None:
    """One that is found at the start, and one that comes."""
    await office.policy()
    for _ in range(2):
        waits = await office.opens()
        await office.log.append(Append(subject_of("chat", waits), POISON[what]))
        await office.worker(ANNA)
        assert await office.assigned(await office.opens()) == [ANNA]


async def test_who_is_online_is_heard_on_nats(office: Office) -> None:
    await office.policy()
    worker = await office.worker()
    chat = await office.opens()
    async with talking(worker.log, worker.roster), talking(office.log) as push:
        push.come(str(ANNA))
        assert await office.assigned(chat) == [ANNA]


async def test_at_the_start_only_a_few_chats_are_held_in_memory(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = [await office.opens() for _ in range(30)]
    reading, most, read_all = 0, [0], Log.read_all

    async def counted(log: Log, subject: str, start: int = 1) -> list[Stored]:
        nonlocal reading
        reading += 1
        most.append(reading)
        try:
            return await read_all(log, subject, start)
        finally:
            reading -= 1

    monkeypatch.setattr(Log, "read_all", counted)
    await office.policy()
    await office.worker(ANNA, BORIS)
    assert Counter(await office.assigned(*chats)) == {ANNA: 15, BORIS: 15}
    assert 1 < max(most) <= routing.AT_ONCE + 2  # beside them, one decision and this test's own look
