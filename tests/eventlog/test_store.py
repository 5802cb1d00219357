"""Deciding and appending: exactly once, one winner, all or nothing, whatever breaks."""

import asyncio
import itertools
import os
import random
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import uuid5

import pytest

from pulse.aggregates.chat import Chat, EmptyReply, chat_id
from pulse.aggregates.chat_events import (
    ChatAssigned,
    ChatClosed,
    ChatOpened,
    MessageReceived,
    ReplyWritten,
)
from pulse.aggregates.chat_standing import ChatIsClosed, HeldByAnother
from pulse.aggregates.customer import Customer, CustomerMet, customer_id
from pulse.embedded import Embedded
from pulse.errors import LogDown, NotFound, Refusal, StoreConflict, TryLater
from pulse.eventlog import batcher, jetstream
from pulse.eventlog.alone import TRIES
from pulse.eventlog.appends import AckLost, Append, AppendRefused
from pulse.eventlog.commands import Decided, HalfDecided
from pulse.eventlog.envelope import open_envelope, subject_of
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from tests.conftest import STREAMS
from tests.eventlog.wire import Wire, back
from tests.given import ANNA, BORIS, NOW, SHOP, SUPPORT, a_chat, assigned_to, closed_by, message, replies
from tests.insisting import insist

PEER = "77"
VERA = chat_id(SHOP, PEER)
CLONE = Path(__file__).parents[2]

CHILD = """
import asyncio, os, sys
from functools import partial
from pulse.errors import LogDown, StoreConflict
from pulse.aggregates.chat import Chat
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from tests.eventlog.test_store import VERA, delivers
from tests.insisting import insist

async def main():
    log = await Log.connect(os.environ["NATS"])
    store = EventStore(log)
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        decide = partial(store.decide, Chat, VERA, delivers(str(number)), by="customer", msg_id=f"shop:{number}")
        await insist(decide, despite=(LogDown, StoreConflict))
        print(number, flush=True)
    await log.close()

asyncio.run(main())
"""


def delivers(external_id, peer=PEER, text="Hello"):
    """A webhook delivery: opens the chat if it is the first."""

    def decision(chat):
        chat = chat or a_chat(peer)
        chat.receive(message(external_id, text=text), raw="{}", now=NOW)
        return chat

    return decision


def acts(act):
    """A command on a chat that is there."""

    def decision(chat):
        act(chat)
        return chat

    return decision


async def deliver(store, external_id, peer=PEER, msg_id=None):
    return await store.decide(Chat, chat_id(SHOP, peer), delivers(external_id, peer), by="customer", msg_id=msg_id)


async def do(store, act, peer=PEER, by="moderator"):
    return await store.decide(Chat, chat_id(SHOP, peer), acts(act), by=by)


async def events_of(log, aggregate_id=VERA, kind="chat"):
    return [open_envelope(s.position, s.subject, s.body) for s in await log.read_all(subject_of(kind, aggregate_id))]


async def kinds_of(log, aggregate_id=VERA):
    return Counter(type(recorded.event) for recorded in await events_of(log, aggregate_id))


async def versions_are_gapless(log, aggregate_id=VERA):
    recorded = await events_of(log, aggregate_id)
    assert [r.ver for r in recorded] == list(range(1, len(recorded) + 1))
    assert len({r.envelope.id for r in recorded}) == len(recorded)


def batching(store):
    store.batcher.pace.batching = True
    store.batcher.smallest = 2
    return store


@pytest.fixture
async def stores(log, addresses):
    """Four stores, each as in a process of its own."""
    logs = [log, *[await Log.connect(addresses.nats_url) for _ in range(3)]]
    yield [EventStore(each) for each in logs]
    for each in logs[1:]:
        await each.close()


@pytest.fixture(params=["alone", "in batches"])
def either(request, store):
    return batching(store) if request.param == "in batches" else store


@pytest.fixture(scope="module")
def own_servers(data_dir: Path):
    """A nats-server that may be killed."""
    with Embedded(data_dir / "store", postgres=False) as running:
        yield running


@pytest.fixture
async def own_log(own_servers):
    opened = await Log.connect(own_servers.addresses.nats_url)
    with suppress(jetstream.AppendRefused):
        await opened.api("STREAM.DELETE.PULSE")
    await reconcile(opened, wanted_streams(STREAMS), max_bytes=1 << 30)
    yield opened
    await opened.close()


# One decision


async def test_a_decision_is_stored_and_answered_with_its_place(either, log):
    first = await deliver(either, "1")
    assert (first.position, first.version) == (2, 2)
    assert [type(event) for event in first.events] == [ChatOpened, MessageReceived]
    second = await do(either, replies(ANNA))
    assert (second.position, second.version) == (4, 4)
    assert [r.envelope.by for r in await events_of(log)] == ["customer", "customer", "moderator", "moderator"]
    assert (await events_of(log))[-1].scope.holder == ANNA


async def test_a_repeat_is_answered_with_where_the_chat_stands(either):
    await deliver(either, "1")
    again = await deliver(either, "1")
    assert (again.position, again.version, again.events) == (2, 2, ())


async def test_a_refusal_stores_nothing_and_comes_out_as_it_is(either, log):
    await deliver(either, "1")
    await do(either, assigned_to(ANNA))
    with pytest.raises(HeldByAnother) as refused:
        await do(either, assigned_to(BORIS))
    assert refused.value.details == {"holder": str(ANNA)}
    with pytest.raises(EmptyReply):
        await do(either, replies(ANNA, " "))
    assert await log.last_position() == 3
    assert (await do(either, replies(ANNA))).version == 4


async def test_a_decision_that_returns_nothing_on_nothing_stores_nothing(store, log):
    decided = await store.decide(Chat, VERA, lambda chat: None, by="system")
    assert decided == Decided(0, 0, ())
    assert await log.last_position() == 0


async def test_acting_on_what_is_there_is_stored_and_on_what_is_not_nothing_comes_of_it(either, log):
    assert (await either.decide_if_known(Chat, VERA, lambda chat: chat.close(now=NOW), by="system")).events == ()
    await deliver(either, "1")
    decided = await either.decide_if_known(Chat, VERA, lambda chat: chat.rename("Vera K.", now=NOW), by="system")
    assert decided.position == await log.last_position()
    assert [type(event).__name__ for event in decided.events] == ["ChatRenamed"]


async def test_half_a_decision_is_not_stored_and_does_not_stay(either, log):
    await deliver(either, "1")

    def half(chat):
        chat.assign(ANNA, now=NOW)
        raise ChatIsClosed

    with pytest.raises(HalfDecided) as half_decided:
        await either.decide(Chat, VERA, half, by="system")
    assert isinstance(half_decided.value.__cause__, ChatIsClosed)
    assert (await do(either, assigned_to(BORIS))).version == 3
    assert (await kinds_of(log))[ChatAssigned] == 1


async def test_a_decision_that_forgets_to_return_its_aggregate_is_not_lost_silently(either, log):
    await deliver(either, "1")
    with pytest.raises(HalfDecided):
        await either.decide(Chat, VERA, lambda chat: chat.assign(ANNA, now=NOW), by="system")
    assert (await do(either, assigned_to(BORIS))).version == 3
    await versions_are_gapless(log)


async def test_a_decision_that_returns_another_aggregate_is_not_stored(either, log):
    with pytest.raises(HalfDecided):
        await either.decide(Chat, VERA, delivers("1", peer="78"), by="customer")
    assert await log.last_position() == 0


async def test_an_event_that_can_not_be_written_leaves_the_chat_usable(either, log):
    await deliver(either, "1")
    with pytest.raises(TypeError):
        await do(either, replies(ANNA, "\ud800"))
    assert (await do(either, replies(ANNA))).version == 4
    await versions_are_gapless(log)


async def test_a_loaded_aggregate_is_a_copy_as_the_log_has_it_now(stores):
    assert await stores[0].load(Chat, VERA) is None
    await deliver(stores[0], "1")
    await deliver(stores[1], "2")
    found = await stores[0].load(Chat, VERA)
    assert (found.version, found.unread) == (3, [2, 3])
    found.unread.clear()
    assert (await stores[0].load(Chat, VERA)).unread == [2, 3]


async def test_a_look_reads_nothing_again_and_is_never_behind_another_process(stores, log, monkeypatch):
    assert await stores[0].look(Chat, VERA) is None
    for number in range(3):
        await deliver(stores[0], str(number))
    assert (await stores[1].look(Chat, VERA)).version == 4
    reads, read_all = [], stores[1].log.read_all

    async def counting(subject, after=0):
        found = await read_all(subject, after)
        reads.append(len(found))
        return found

    monkeypatch.setattr(stores[1].log, "read_all", counting)
    assert (await stores[1].look(Chat, VERA)).version == 4
    assert sum(reads) == 0
    await deliver(stores[0], "3")
    assert (await stores[1].look(Chat, VERA)).unread == [2, 3, 4, 5]
    assert sum(reads) == 1
    assert await kinds_of(log) == {ChatOpened: 1, MessageReceived: 4}


async def test_looks_while_others_write_see_what_is_stored_and_nothing_else(stores, log):
    """Of what is being appended a look may see it or not, and each sees no less than the one before."""
    await deliver(stores[0], "0")

    async def writes(store, first):
        for number in range(first, first + 20):
            await insist(partial(deliver, store, str(number)), despite=(StoreConflict,))

    async def looks():
        look = partial(stores[0].look, Chat, VERA)
        return [(await insist(look, despite=(StoreConflict,))).version for _ in range(20)]

    _, _, *seen = await asyncio.gather(writes(stores[0], 100), writes(stores[1], 200), *(looks() for _ in range(3)))
    assert all(one == sorted(one) for one in seen)
    assert (await stores[0].look(Chat, VERA)).version == 42
    await versions_are_gapless(log)


# Exactly once


async def test_fifty_equal_deliveries_at_once_are_one_event(either, log):
    answers = await asyncio.gather(*(deliver(either, "1", msg_id="shop:1") for _ in range(50)))
    assert await kinds_of(log) == {ChatOpened: 1, MessageReceived: 1}
    assert sum(bool(answer.events) for answer in answers) == 1
    assert {answer.version for answer in answers} == {2}


@pytest.mark.parametrize("msg_id", ["shop:1", None])
async def test_fifty_equal_deliveries_to_four_processes_are_one_event(stores, log, msg_id):
    answers = await asyncio.gather(*(deliver(stores[n % 4], "1", msg_id=msg_id) for n in range(50)))
    assert await kinds_of(log) == {ChatOpened: 1, MessageReceived: 1}
    assert sum(bool(answer.events) for answer in answers) == 1


async def test_a_repeat_after_a_restart_is_no_event(store, log):
    await deliver(store, "1", msg_id="shop:1")
    again = await deliver(EventStore(log), "1", msg_id="shop:1")
    assert (again.version, again.events) == (2, ())
    assert await log.last_position() == 2


async def test_a_repeat_after_the_servers_own_memory_is_over_is_no_event(log, addresses):
    await log.api("STREAM.DELETE.PULSE")
    streams = wanted_streams(STREAMS)
    streams["PULSE"]["duplicate_window"] = 100_000_000
    await reconcile(log, streams, max_bytes=1 << 30)
    await deliver(EventStore(log), "1", msg_id="shop:1")
    probe = Append("pulse.ev.probe.00.x", b"x", msg_id="probe")
    await log.append(probe)
    while (await log.append(probe)).duplicate:
        pass
    for store in (EventStore(log), batching(EventStore(log))):
        assert (await deliver(store, "1", msg_id="shop:1")).events == ()
    assert await kinds_of(log) == {ChatOpened: 1, MessageReceived: 1}


async def test_the_log_knows_a_message_id_that_the_aggregate_does_not_and_the_aggregate_is_right(either, log):
    await log.append(Append("pulse.ev.probe.00.x", b"x", msg_id="shop:1"))
    assert len((await deliver(either, "1", msg_id="shop:1")).events) == 2
    assert await kinds_of(log) == {ChatOpened: 1, MessageReceived: 1}


async def test_two_first_messages_in_two_processes_open_one_chat(stores, log):
    for peer in map(str, range(20)):
        await asyncio.gather(deliver(stores[0], "1", peer), deliver(stores[1], "2", peer))
        assert await kinds_of(log, chat_id(SHOP, peer)) == {ChatOpened: 1, MessageReceived: 2}
        await versions_are_gapless(log, chat_id(SHOP, peer))


# Several processes


async def test_of_two_who_take_a_chat_at_once_one_has_it_and_the_other_is_told(stores, log):
    for peer in map(str, range(20)):
        await deliver(stores[2], "1", peer)
        answers = await asyncio.gather(
            do(stores[0], assigned_to(ANNA), peer), do(stores[1], assigned_to(BORIS), peer), return_exceptions=True
        )
        (refused,) = [answer for answer in answers if isinstance(answer, HeldByAnother)]
        (won,) = [answer for answer in answers if isinstance(answer, Decided)]
        assert refused.details == {"holder": str(won.events[0].moderator_id)}
        assert (await kinds_of(log, chat_id(SHOP, peer)))[ChatAssigned] == 1


async def test_a_late_writer_decides_again_on_what_is_new(stores, log):
    await deliver(stores[0], "1")
    await deliver(stores[1], "2")
    decided = await do(stores[0], replies(ANNA))
    assert (decided.version, decided.position) == (5, 5)
    await versions_are_gapless(log)


async def test_a_refusal_is_not_made_on_what_is_out_of_date(stores):
    await deliver(stores[0], "1")
    await do(stores[0], closed_by(ANNA))
    await deliver(stores[1], "2")  # opens it again, in another process
    assert ReplyWritten in [type(event) for event in (await do(stores[0], replies(ANNA))).events]


async def test_nothing_to_do_is_not_decided_on_what_is_out_of_date(stores):
    await deliver(stores[0], "1")
    await deliver(stores[1], "2")
    assert (await do(stores[0], lambda chat: chat.see(ANNA, 3, now=NOW))).version == 4


async def test_a_batch_without_events_is_not_decided_on_what_is_out_of_date(stores):
    here, there = batching(stores[0]), stores[1]
    peers = [str(n) for n in range(5)]
    for peer in peers:
        await deliver(here, "1", peer)
        await do(here, closed_by(ANNA), peer)
        await deliver(there, "2", peer)
    answers = await asyncio.gather(
        *(do(here, replies(ANNA), peer) for peer in peers), *(do(here, closed_by(ANNA), peer) for peer in peers)
    )
    assert all(len(answer.events) >= 1 for answer in answers)


async def test_whoever_keeps_losing_is_told_to_try_again_and_nothing_is_stored(wire, wired, log):
    rival, numbers = EventStore(log), itertools.count()
    await deliver(rival, "first")

    async def be_faster():
        await deliver(rival, f"rival {next(numbers)}")

    wire.before_append = be_faster
    with pytest.raises(StoreConflict):
        await deliver(wired, "ours")
    assert (await kinds_of(log))[MessageReceived] == 1 + TRIES
    wire.before_append = None
    assert len((await deliver(wired, "ours")).events) == 1
    await versions_are_gapless(log)


# All or nothing


def first_contact(chat, customer, name="Vera"):
    chat, customer = (
        chat or a_chat(),
        customer or Customer.meet(source_id=SHOP, peer=PEER, name=name, username=None, language=None, now=NOW),
    )
    chat.receive(message("1"), raw="{}", now=NOW)
    return chat, customer


BOTH = [(Chat, VERA), (Customer, customer_id(SHOP, PEER))]


async def test_several_aggregates_are_stored_together(either, log):
    decided = await either.decide_together(BOTH, first_contact, by="customer", msg_id="shop:1")
    assert [type(event) for event in decided.events] == [ChatOpened, MessageReceived, CustomerMet]
    assert (decided.position, decided.version) == (3, 2)
    again = await either.decide_together(BOTH, first_contact, by="customer", msg_id="shop:1")
    assert again.events == ()
    assert await log.last_position() == 3


async def test_several_aggregates_are_decided_again_together_when_one_was_changed(stores, log):
    await asyncio.gather(*(store.decide_together(BOTH, first_contact, by="customer") for store in stores))
    assert await kinds_of(log) == {ChatOpened: 1, MessageReceived: 1}
    assert len(await events_of(log, BOTH[1][1], "customer")) == 1


async def test_a_refusal_about_one_of_several_stores_nothing_of_any(store, log):
    def decision(chat, customer):
        raise ChatIsClosed

    with pytest.raises(ChatIsClosed):
        await store.decide_together(BOTH, decision, by="system")
    assert await log.last_position() == 0


# In batches


async def test_in_a_batch_each_command_gets_its_own_answer(store, log):
    await asyncio.gather(*(deliver(store, "0", peer) for peer in ("a", "b", "c", "d")))
    await do(store, closed_by(ANNA), "c")
    other = EventStore(log)
    await deliver(other, "rival", "d")  # our cache is out of date
    batching(store)
    answers = await asyncio.gather(
        deliver(store, "1", "a"),
        deliver(store, "2", "a"),
        deliver(store, "1", "a"),
        do(store, assigned_to(ANNA), "b"),
        do(store, assigned_to(BORIS), "b"),
        do(store, replies(ANNA), "c"),
        deliver(store, "1", "d"),
        return_exceptions=True,
    )
    assert [answer.version for answer in answers[:4]] == [3, 4, 4, 3]
    assert [len(answer.events) for answer in answers[:4]] == [1, 1, 0, 1]
    assert isinstance(answers[4], HeldByAnother)
    assert isinstance(answers[5], ChatIsClosed)
    assert answers[6].version == 4
    for peer in "abcd":
        await versions_are_gapless(log, chat_id(SHOP, peer))


async def test_in_a_batch_each_answer_names_its_own_version_and_position(store, log):
    await deliver(store, "0")
    batching(store)
    answers = await asyncio.gather(*(deliver(store, str(n)) for n in range(1, 30)))
    assert [answer.version for answer in answers] == list(range(3, 32))
    placed = {r.event.message.external_id: r.position for r in (await events_of(log))[1:]}
    assert [answer.position for answer in answers] == [placed[str(n)] for n in range(1, 30)]


async def test_one_command_that_can_not_be_written_does_not_spoil_the_others(store, log):
    await asyncio.gather(*(deliver(store, "0", peer) for peer in "abc"))
    batching(store)
    answers = await asyncio.gather(
        deliver(store, "1", "a"), do(store, replies(ANNA, "\ud800"), "b"), deliver(store, "1", "c"),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(answers[1], TypeError)
    assert [answers[0].version, answers[2].version] == [3, 3]


async def test_a_known_message_id_in_a_batch_does_not_spoil_the_others(store, log):
    await asyncio.gather(*(deliver(store, "0", peer) for peer in "abc"))
    await log.append(Append("pulse.ev.probe.00.x", b"x", msg_id="known"))
    batching(store)
    answers = await asyncio.gather(
        deliver(store, "1", "a", msg_id="new"), deliver(store, "1", "b", msg_id="known"), deliver(store, "1", "c")
    )
    assert [len(answer.events) for answer in answers] == [1, 1, 1]


async def test_a_burst_larger_than_a_batch_is_stored_whole(store, log):
    batching(store)
    peers = [str(n) for n in range(700)]
    await asyncio.gather(*(store.load(Chat, chat_id(SHOP, peer)) for peer in peers))
    answers = await asyncio.gather(*(deliver(store, "1", peer) for peer in peers))
    assert {answer.version for answer in answers} == {2}
    assert await log.last_position() == 1400


async def test_a_burst_of_large_messages_is_stored_whole(store, log):
    batching(store)
    await deliver(store, "0")
    text = "x" * (1 << 19)
    await asyncio.gather(*(store.decide(Chat, VERA, delivers(str(n), text=text), by="customer") for n in range(1, 20)))
    await versions_are_gapless(log)
    assert (await kinds_of(log))[MessageReceived] == 20


async def test_nobody_starts_on_a_chat_that_a_batch_is_about_to_take(store, log):
    """A command that arrives between the choice of a batch and its start waits for it."""
    for peer in "ab":
        await deliver(store, "0", peer)
    loop, taken = asyncio.get_running_loop(), []
    batching(store)
    first = [asyncio.ensure_future(deliver(store, "1", peer)) for peer in "ab"]
    while not store.batcher._waiting:
        await asyncio.sleep(0)

    def arrive():
        if store.batcher._waiting:
            loop.call_soon(arrive)
        else:
            taken.append(store._busy.copy())

    loop.call_soon(arrive)
    await asyncio.gather(*first)
    assert taken == [{subject_of("chat", chat_id(SHOP, peer)) for peer in "ab"}]
    assert store._busy == set()


async def test_whoever_finds_too_many_waiting_is_told_to_try_later_and_nothing_is_decided(store, log, monkeypatch):
    monkeypatch.setattr(batcher, "WAITING", 2)
    await deliver(store, "0")
    store._busy.add(subject_of("chat", VERA))
    waiting = [asyncio.ensure_future(deliver(store, str(n))) for n in (1, 2)]
    while len(store.batcher._waiting) < 2:
        await asyncio.sleep(0)
    decided: list[Chat] = []
    with pytest.raises(TryLater):
        await do(store, decided.append)
    store._busy.clear()
    store.batcher.kick()
    assert [answer.version for answer in await asyncio.gather(*waiting)] == [3, 4]
    assert decided == []
    await versions_are_gapless(log)


async def test_a_decision_that_returns_too_little_does_not_stop_the_others_of_its_batch(store, log):
    await asyncio.gather(deliver(store, "0", "a"), deliver(store, "0", "b"))
    batching(store)
    wrong, right = await asyncio.gather(
        store.decide(Chat, chat_id(SHOP, "a"), lambda chat: [], by="system"),
        deliver(store, "1", "b"),
        return_exceptions=True,
    )
    assert isinstance(wrong, HalfDecided)
    assert right.version == 3


@pytest.mark.parametrize("batched", [False, True], ids=["alone", "in batches"])
async def test_an_answer_that_nobody_foresaw_is_given_to_all_and_nothing_is_stored_twice(wire, wired, log, batched):
    await deliver(wired, "0")
    if batched:
        batching(wired)
    wire.lose_next("garble")
    answers = await asyncio.gather(*(do(wired, replies(ANNA)) for _ in range(3)), return_exceptions=True)
    assert any(isinstance(answer, KeyError) for answer in answers)
    assert (await kinds_of(log))[ReplyWritten] == 3
    assert wired._busy == set()
    assert (await deliver(wired, "1")).version == 7
    await versions_are_gapless(log)


async def test_what_goes_wrong_while_a_stored_batch_is_answered_leaves_nobody_waiting(store, log, monkeypatch):
    await deliver(store, "0")
    batching(store)

    class Broken(Decided):
        def __init__(self, *_: object) -> None:
            raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("pulse.eventlog.cache.Decided", Broken)
        answers = await asyncio.gather(*(do(store, replies(ANNA)) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError] * 3
    assert (await kinds_of(log))[ReplyWritten] == 3
    assert store._busy == set()
    assert (await deliver(store, "1")).version == 7
    await versions_are_gapless(log)


async def test_one_that_is_stuck_alone_does_not_hold_up_the_batches(store, log, monkeypatch):
    gate, append = asyncio.Event(), log.append
    for peer in ("stuck", "a", "b"):
        await deliver(store, "0", peer)
    batching(store)

    async def slowly(message):
        if message.subject == subject_of("chat", chat_id(SHOP, "stuck")):
            await gate.wait()
        return await append(message)

    monkeypatch.setattr(log, "append", slowly)
    stuck = asyncio.ensure_future(deliver(store, "1", "stuck"))
    while not store._busy:
        await asyncio.sleep(0)
    answers = await asyncio.gather(*(deliver(store, "1", peer) for peer in ("a", "b")))
    assert [answer.version for answer in answers] == [3, 3]
    assert not stuck.done()
    gate.set()
    assert (await stuck).version == 3


async def test_who_may_be_stored_is_told_so_whatever_is_wrong_when_it_is_tried_again(store, log, monkeypatch):
    await deliver(store, "0")
    troubles = [AckLost(), AppendRefused(10008, "no leader")]

    async def troubled(_):
        raise troubles.pop(0)

    monkeypatch.setattr(log, "append_all", troubled)
    with pytest.raises(AckLost):
        await do(store, replies(ANNA))
    assert troubles == []


async def test_a_cold_chat_is_read_once_however_many_wait_for_it(log, monkeypatch):
    await deliver(EventStore(log), "0")
    store, reads, read_all = EventStore(log), [], log.read_all

    async def counting(*where):
        reads.append(where)
        return await read_all(*where)

    monkeypatch.setattr(log, "read_all", counting)
    await asyncio.gather(*(store.cache.load([subject_of("chat", chat_id(SHOP, PEER))]) for _ in range(100)))
    assert len(reads) == 1


async def test_the_slowest_of_a_batch_holds_up_nobody_else(stores, log, monkeypatch):
    store, rival, gate, append = batching(stores[0]), stores[1], asyncio.Event(), log.append
    slow_peers, others = ["s0", "s1", "s2"], ["a", "b", "c"]
    for peer in slow_peers + others:
        await deliver(store, "0", peer)
    for peer in slow_peers:
        await deliver(rival, "1", peer)  # refuses the batch, so each goes alone

    async def slowly(message):
        if message.subject in {subject_of("chat", chat_id(SHOP, peer)) for peer in slow_peers}:
            await gate.wait()
        return await append(message)

    monkeypatch.setattr(log, "append", slowly)
    batching(store)
    slow = []
    for slow_peer, peer in zip(slow_peers, others, strict=True):
        slow.append(asyncio.ensure_future(deliver(store, "2", slow_peer)))
        assert (await deliver(store, "2", peer)).version == 3
    assert (await asyncio.gather(*(deliver(store, "3", peer) for peer in others)))[0].version == 4
    assert not any(task.done() for task in slow)
    assert store._busy == {subject_of("chat", chat_id(SHOP, peer)) for peer in slow_peers}
    gate.set()
    assert [answer.version for answer in await asyncio.gather(*slow)] == [4, 4, 4]
    await asyncio.sleep(0)
    assert store._busy == set()
    assert not store._awaited


# Trouble


async def test_a_log_that_is_down_refuses_and_the_store_works_again_after(own_servers, own_log):
    store = EventStore(own_log)
    await deliver(store, "1")
    own_servers.kill_nats()
    answers = await asyncio.gather(*(deliver(store, str(n)) for n in range(2, 10)), return_exceptions=True)
    assert all(isinstance(answer, LogDown) for answer in answers)
    own_servers.restart_nats()
    await back(own_log)
    await asyncio.gather(*(deliver(store, str(n)) for n in range(1, 10)))
    assert await kinds_of(own_log) == {ChatOpened: 1, MessageReceived: 9}
    await versions_are_gapless(own_log)


@pytest.fixture
async def wire(addresses, monkeypatch):
    monkeypatch.setattr(jetstream, "ACK_SECONDS", 0.05)
    async with Wire(addresses.nats_url) as wire:
        yield wire


@pytest.fixture
async def wired(log, wire):
    """A store whose connection goes over the wire."""
    opened = await Log.connect(wire.url)
    yield EventStore(opened)
    await opened.close()


@pytest.mark.parametrize("batched", [False, True], ids=["alone", "in batches"])
@pytest.mark.parametrize("how", ["reply", "cut", "request", "hold"])
async def test_a_reply_whose_answer_was_lost_is_written_once(wire, wired, log, how, batched):
    await deliver(wired, "1")
    await deliver(wired, "1", "78")
    if batched:
        batching(wired)
    wire.lose_next(how)
    answers = await asyncio.gather(do(wired, replies(ANNA)), do(wired, replies(BORIS), "78"), return_exceptions=True)
    await back(wired.log)
    for answer, aggregate_id in zip(answers, (VERA, chat_id(SHOP, "78")), strict=True):
        written = (await kinds_of(log, aggregate_id))[ReplyWritten]
        await versions_are_gapless(log, aggregate_id)
        if isinstance(answer, Decided):
            assert (written, answer.version) == (1, 4)
            assert [type(event) for event in answer.events] == [ChatAssigned, ReplyWritten]
        else:
            assert isinstance(answer, LogDown)
            assert written <= 1
    if how in ("reply", "hold"):
        assert all(isinstance(answer, Decided) for answer in answers)


@pytest.mark.parametrize("batched", [False, True], ids=["alone", "in batches"])
async def test_whoever_may_be_stored_is_not_told_that_nothing_was_accepted(wire, wired, log, batched):
    """The answer is lost with the line, so nobody can look whether the events are there."""
    await deliver(wired, "1")
    await deliver(wired, "1", "78")
    if batched:
        batching(wired)
    wire.lose_next("end")
    reply = replies(ANNA, client_msg_id="c1")
    answers = await asyncio.gather(do(wired, reply), do(wired, replies(BORIS), "78"), return_exceptions=True)
    for answer, aggregate_id in zip(answers, (VERA, chat_id(SHOP, "78")), strict=True):
        if (await kinds_of(log, aggregate_id))[ReplyWritten]:
            assert isinstance(answer, AckLost)
            assert "may or may not be stored" in str(answer)
        else:
            assert isinstance(answer, LogDown)
    assert any(isinstance(answer, AckLost) for answer in answers)
    assert (await do(EventStore(log), reply)).version == 4
    assert (await kinds_of(log))[ReplyWritten] == 1


@pytest.mark.parametrize("how", ["reply", "cut", "request", "hold"])
async def test_a_first_contact_whose_answer_was_lost_counts_once(wire, wired, log, how):
    wire.lose_next(how)
    while True:
        try:
            decided = await wired.decide_together(BOTH, first_contact, by="customer", msg_id="shop:1")
            break
        except LogDown:
            await back(wired.log)
    assert (decided.position, decided.version) == (3, 2)
    assert await kinds_of(log) == {ChatOpened: 1, MessageReceived: 1}
    assert await log.last_position() == 3


async def test_whoever_stops_waiting_leaves_the_store_usable(wire, wired, log):
    await deliver(wired, "1")
    wire.lose_next("reply")
    gone = asyncio.ensure_future(deliver(wired, "2"))
    await wire.lost.wait()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert (await deliver(wired, "2")).events == ()
    assert (await deliver(wired, "3")).version == 4
    await versions_are_gapless(log)


async def test_whoever_stops_waiting_for_a_batch_does_not_stop_the_others(store, log):
    await deliver(store, "0")
    batching(store)
    waiting = [asyncio.ensure_future(deliver(store, str(n))) for n in range(1, 20)]
    while not store.batcher._waiting:
        await asyncio.sleep(0)
    waiting[3].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[3], asyncio.CancelledError)
    assert all(isinstance(answer, Decided) for answer in answers[:3] + answers[4:])
    await deliver(store, "4")
    assert (await kinds_of(log))[MessageReceived] == 20
    await versions_are_gapless(log)


async def test_a_tiny_cache_forgets_and_reads_again(log):
    store = EventStore(log, cached=3)
    for round_ in range(3):
        await asyncio.gather(*(deliver(store, str(round_), str(peer)) for peer in range(20)))
        assert len(store.cache) <= 3 + 20
        await deliver(store, str(round_), "0")
        assert len(store.cache) <= 4
    for peer in range(20):
        assert await kinds_of(log, chat_id(SHOP, str(peer))) == {ChatOpened: 1, MessageReceived: 3}
        await versions_are_gapless(log, chat_id(SHOP, str(peer)))


# Everything at once


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_many_do_at_once_the_log_and_every_store_agree(stores, log, seed):
    chance = random.Random(seed)
    if seed % 2:
        for store in stores:
            batching(store)
    peers, written, seen = ["a", "b", "c"], Counter(), set()
    for peer in peers:
        await deliver(stores[0], "0", peer)

    async def command(number):
        store, peer, who = chance.choice(stores), chance.choice(peers), chance.choice([ANNA, BORIS])
        what = chance.randrange(6)
        with suppress(Refusal, StoreConflict):
            if what <= 1:
                external_id = str(chance.randrange(30))
                await deliver(store, external_id, peer, msg_id=f"{peer}:{external_id}")
                seen.add((peer, external_id))
            elif what == 2:
                await do(store, replies(who, client_msg_id=f"c{number // 2}"), peer)
                written[peer, who, number // 2] = 1
            elif what == 3:
                await do(store, assigned_to(who), peer)
            elif what == 4:
                await do(store, closed_by(who), peer)
            else:
                await do(store, lambda chat: chat.transfer(uuid5(SUPPORT, str(number % 3)), now=NOW), peer)

    for round_ in range(4):
        await asyncio.gather(*(command(round_ * 60 + n) for n in range(60)))
    for peer in peers:
        aggregate_id = chat_id(SHOP, peer)
        await versions_are_gapless(log, aggregate_id)
        recorded = await events_of(log, aggregate_id)
        got = Counter(r.event.message.external_id for r in recorded if isinstance(r.event, MessageReceived))
        assert set(got.values()) == {1}
        assert {external_id for where, external_id in seen if where == peer} | {"0"} == set(got)
        replied = Counter(
            (r.event.moderator_id, r.event.client_msg_id) for r in recorded if isinstance(r.event, ReplyWritten)
        )
        assert set(replied) == {(who, f"c{n}") for where, who, n in written if where == peer}
        assert set(replied.values()) <= {1}
        for store in stores:
            if folded := store.cache._folded.get(subject_of("chat", aggregate_id)):
                assert folded.aggregate.version == recorded[folded.aggregate.version - 1].ver
                assert folded.position == recorded[folded.aggregate.version - 1].position
                assert not folded.aggregate.pending_events
            assert store._busy == set()
        for one, next_ in itertools.pairwise(r.event for r in recorded):
            assert not (isinstance(one, ChatClosed) and isinstance(next_, ChatAssigned | ReplyWritten | ChatClosed))


def acks(printed: bytes) -> list[int]:
    return [int(line) for line in printed.splitlines() if line.isdigit()]


async def test_what_was_acknowledged_to_two_processes_is_there_once_after_kill_9(own_servers, own_log):
    environment = {**os.environ, "NATS": own_servers.addresses.nats_url, "PYTHONPATH": str(CLONE)}
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, "0", "300", stdout=subprocess.PIPE, env=environment, cwd=CLONE
        )
        for _ in range(2)
    ]
    acked: list[list[int]] = [[], []]
    for number, child in enumerate(children):
        while len(acked[number]) < 60:
            acked[number] += acks(await child.stdout.readline())
    own_servers.kill_nats()
    own_servers.restart_nats()
    for number, child in enumerate(children):
        rest, _ = await child.communicate()
        acked[number] += acks(rest)
        assert child.returncode == 0
        assert acked[number] == list(range(300))
    await back(own_log)
    recorded = await events_of(own_log)
    assert [type(r.event) for r in recorded] == [ChatOpened] + [MessageReceived] * 300
    assert [int(r.event.message.external_id) for r in recorded[1:]] == list(range(300))
    await versions_are_gapless(own_log)


async def test_what_is_decided_on_must_be_there(store, log):
    before = await log.last_position()
    for otherwise, said in (("", "There is nothing here, or nothing you may see."), ("No chat.", "No chat.")):
        with pytest.raises(NotFound, match=said):
            await store.decide_known(Chat, VERA, lambda chat: chat.close(now=NOW), by="test", otherwise=otherwise)
    assert await log.last_position() == before
