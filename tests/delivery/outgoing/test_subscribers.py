"""Other systems are told of what they want to know, in order, at least once, and none waits for another."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from pulse.aggregates.chat import Chat
from pulse.delivery import post
from pulse.errors import NotFound
from pulse.house import now
from tests.delivery.outgoing.conftest import World
from tests.fakes.receiver import Mood, Receiver
from tests.given import ANNA, a_chat, replies
from tests.insisting import insist

HOUR = 3600.0


def ids(receiver: Receiver) -> list[str]:
    return [post.id for post in receiver.posts]


async def anna_replies(world: World, text: str = "Good day") -> None:
    def decision(chat: Chat) -> Chat:
        replies(ANNA, text)(chat)
        return chat

    await world.store.decide(Chat, a_chat().id, decision, by=f"moderator:{ANNA.hex}")


async def test_a_subscriber_is_told_exactly_what_it_wants_in_the_logs_order(world: World, receiver: Receiver) -> None:
    await world.vera_writes("before")
    await world.subscribe(receiver, "chat.message-received", "department.*")
    async with world.worker():
        await world.vera_writes("one", "two")
        await anna_replies(world)
        await world.vera_writes("three", peer="78")
        await world.vera_writes("four")
        await receiver.until(4)
    assert receiver.texts == ["one", "two", "three", "four"]
    assert {post.event.get_type() for post in receiver.posts} == {"pulse.chat.message-received.v1"}
    positions = [post.event.get_extension("sequence") for post in receiver.posts]
    assert positions == sorted(positions)


async def test_an_event_is_told_as_a_cloud_event_under_its_own_id(world: World, receiver: Receiver) -> None:
    await world.subscribe(receiver, "chat.*")
    async with world.worker():
        position = (await world.vera_writes("Hello"))[0]
        await receiver.until(2)
    told = receiver.posts[1]
    stored = (await world.log.read_all(">", position))[0]
    assert told.headers["content-type"] == "application/cloudevents+json"
    assert f'"id":"{told.id}"'.encode() in stored.body
    assert told.event.get_id() == told.id
    assert told.event.get_source() == f"/pulse/sources/{a_chat().source_id}"
    assert told.event.get_subject() == f"chat/{a_chat().id}"
    assert int(str(told.event.get_extension("sequence"))) == position
    assert (told.data["chat_id"], told.text) == (str(a_chat().id), "Hello")


async def test_after_a_crash_it_goes_on_and_repeats_at_most_one_event_under_the_same_id(
    world: World, receiver: Receiver
) -> None:
    await world.subscribe(receiver)
    receiver.next(Mood(), Mood(held=asyncio.Event()))
    async with world.worker():
        await world.vera_writes("one", "two", "three")
        await receiver.until(2)
    async with world.worker():
        await receiver.until(4)
    assert receiver.texts == ["one", "two", "two", "three"]
    assert ids(receiver)[1] == ids(receiver)[2]


async def test_what_happens_while_nobody_works_is_told_later(world: World, receiver: Receiver) -> None:
    await world.subscribe(receiver)
    await world.vera_writes("one", "two")
    async with world.worker():
        await receiver.until(2)
    assert receiver.texts == ["one", "two"]


@pytest.mark.parametrize("status", [302, 307, 400, 404, 429, 500, 503])
async def test_what_is_not_taken_is_tried_again_before_anything_after_it(
    world: World, receiver: Receiver, status: int
) -> None:
    await world.subscribe(receiver)
    elsewhere = await world.receiver()
    receiver.next(Mood(), *(Mood(status, {"location": f"{elsewhere.address}/"}) for _ in range(2)))
    async with world.worker():
        await world.vera_writes("one", "two", "three")
        await receiver.until(5)
    assert receiver.texts == ["one", "two", "two", "two", "three"]
    assert len(set(ids(receiver))) == 3
    assert elsewhere.posts == []


async def test_a_receiver_that_does_not_answer_in_time_is_asked_again(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "SECONDS", 0.1)
    known = await world.subscribe(receiver)
    receiver.next(Mood(held=asyncio.Event()))
    async with world.worker(delays=(HOUR,)):
        await world.vera_writes("one")
        failed = await insist(lambda: world.progress(known), lambda found: found.attempt)
        assert failed.error == "It did not answer in 0.1 seconds."
    async with world.worker(clock=lambda: now() + timedelta(hours=2)):
        await receiver.until(2)
    assert receiver.texts == ["one", "one"]


async def test_an_answer_without_end_is_not_read(world: World, receiver: Receiver) -> None:
    await world.subscribe(receiver)
    receiver.next(Mood(flood=True))
    async with world.worker():
        await world.vera_writes("one", "two")
        await receiver.until(2)
    assert receiver.texts == ["one", "two"]


async def test_a_private_address_is_never_called(world: World, receiver: Receiver) -> None:
    known = await world.subscribe(receiver)
    await world.vera_writes("one")
    async with world.worker(delays=(HOUR,), trusting=False):
        failed = await insist(lambda: world.progress(known), lambda found: found.attempt)
    assert failed.error == "Pulse does not go to this address."
    assert receiver.posts == []


async def test_who_answers_410_is_paused_and_told_nothing_more(world: World, receiver: Receiver) -> None:
    known = await world.subscribe(receiver)
    receiver.next(Mood(410))
    async with world.worker():
        await world.vera_writes("one", "two")
        paused = await insist(lambda: world.one(known), lambda found: found.paused)
    assert (paused.paused, paused.error) == ("gone", "It answered 410: it wants no more.")
    assert receiver.texts == ["one"]


async def test_after_the_last_try_it_is_paused_and_resumed_it_goes_on_with_the_same_event(
    world: World, receiver: Receiver
) -> None:
    known = await world.subscribe(receiver)
    receiver.next(*(Mood(500) for _ in range(3)))
    async with world.worker(delays=(0.0, 0.0)):
        await world.vera_writes("one", "two")
        paused = await insist(lambda: world.one(known), lambda found: found.paused)
        assert (paused.paused, paused.error) == ("gave-up", "It answered 500.")
        assert (await world.progress(known)).attempt == 3
        receiver.next(Mood(500))  # its tries begin anew: one more that fails is not the last
        await world.subscribing().decide(known, lambda found: found.resume(now=now()), by="test")
        await receiver.until(6)
    assert receiver.texts == ["one"] * 5 + ["two"]
    assert len(set(ids(receiver))) == 2


async def test_the_tries_of_an_event_and_its_next_one_survive_a_restart(world: World, receiver: Receiver) -> None:
    known = await world.subscribe(receiver)
    other = await world.receiver()
    await world.subscribe(other)
    receiver.next(Mood(500), Mood(500))
    async with world.worker(delays=(HOUR, HOUR, HOUR)):
        await world.vera_writes("one")
        failed = await insist(lambda: world.progress(known), lambda found: found.attempt)
    assert failed.again_at is not None
    assert failed.again_at > now() + timedelta(minutes=50)
    async with world.worker(delays=(HOUR, HOUR, HOUR)):  # too early
        await world.vera_writes("two")
        await other.until(2)
    assert len(receiver.posts) == 1
    async with world.worker(delays=(HOUR, HOUR, HOUR), clock=lambda: now() + timedelta(hours=2)):
        twice = await insist(lambda: world.progress(known), lambda found: found.attempt == 2)
    assert twice.error == "It answered 500."
    assert receiver.texts == ["one", "one"]


@pytest.mark.parametrize("asked", ["7200", "date"])
async def test_a_receiver_that_asks_for_more_time_gets_it(world: World, receiver: Receiver, asked: str) -> None:
    known = await world.subscribe(receiver)
    later = now() + timedelta(hours=2)
    wanted = later.strftime("%a, %d %b %Y %H:%M:%S GMT") if asked == "date" else asked
    receiver.next(Mood(429, {"retry-after": wanted}))
    async with world.worker(delays=(5.0,)):
        await world.vera_writes("one")
        failed = await insist(lambda: world.progress(known), lambda found: found.attempt)
    assert failed.again_at is not None
    assert abs(failed.again_at - later) < timedelta(minutes=1)


async def test_a_replay_tells_everything_from_a_position_on_under_the_same_ids(
    world: World, receiver: Receiver
) -> None:
    known = await world.subscribe(receiver)
    async with world.worker():
        positions = await world.vera_writes("one", "two", "three")
        await receiver.until(3)
        await world.subscribing().rewind(known, positions[1], by="test")
        await receiver.until(5)
    assert receiver.texts == ["one", "two", "three", "two", "three"]
    assert ids(receiver)[1:3] == ids(receiver)[3:]


async def test_a_replay_of_a_paused_subscriber_waits_until_it_is_resumed(world: World, receiver: Receiver) -> None:
    known = await world.subscribe(receiver)
    subscribing = world.subscribing()
    async with world.worker() as directory:
        positions = await world.vera_writes("one", "two")
        await receiver.until(2)
        paused = await subscribing.decide(known, lambda found: found.pause("asked", now=now()), by="test")
        await directory.wait_for(paused.position)
        await subscribing.rewind(known, positions[0], by="test")
        await world.vera_writes("three")
        assert len(receiver.posts) == 2
        await subscribing.decide(known, lambda found: found.resume(now=now()), by="test")
        await receiver.until(5)
    assert receiver.texts == ["one", "two", "one", "two", "three"]


async def test_a_new_subscriber_may_begin_with_what_was(world: World, receiver: Receiver) -> None:
    await world.vera_writes("one", "two")
    await world.subscribe(receiver, position=1)
    async with world.worker():
        await receiver.until(2)
    assert receiver.texts == ["one", "two"]


async def test_while_a_secret_is_replaced_both_sign(world: World, receiver: Receiver) -> None:
    known = await world.subscribe(receiver)
    old = receiver.secret
    async with world.worker() as directory:
        decided, receiver.secret = await world.subscribing().rotate(known, old=timedelta(hours=24), by="test")
        await directory.wait_for(decided.position)
        await world.vera_writes("both")
        await receiver.until(1)
        decided, receiver.secret = await world.subscribing().rotate(known, old=timedelta(0), by="test")
        await directory.wait_for(decided.position)
        await world.vera_writes("newest only")
        await receiver.until(2)
    both, newest = receiver.posts
    Webhook(old).verify(both.body, both.headers)
    assert [len(post.headers["webhook-signature"].split()) for post in (both, newest)] == [2, 1]


async def test_of_two_workers_one_tells_and_each_event_comes_once(world: World, receiver: Receiver) -> None:
    await world.subscribe(receiver)
    texts = [f"{number}" for number in range(20)]
    async with world.worker(), world.worker():
        await world.vera_writes(*texts)
        await receiver.until(20)
    assert receiver.texts == texts


async def test_the_second_worker_takes_over_where_the_first_ended(world: World, receiver: Receiver) -> None:
    await world.subscribe(receiver)
    async with world.worker():
        async with world.worker():
            await world.vera_writes("one")
            await receiver.until(1)
        await world.vera_writes("two")
        await receiver.until(2)
    async with world.worker():
        await world.vera_writes("three")
        await insist(lambda: came(receiver, "three"), bool)
    assert list(dict.fromkeys(receiver.texts)) == ["one", "two", "three"]
    assert len(set(ids(receiver))) == 3


async def came(receiver: Receiver, text: str) -> bool:
    return text in receiver.texts


async def test_a_slow_subscriber_does_not_delay_another(world: World, receiver: Receiver) -> None:
    await world.subscribe(receiver)
    quick = await world.receiver()
    await world.subscribe(quick)
    receiver.next(Mood(held=asyncio.Event()))
    async with world.worker():
        await world.vera_writes(*"abcdefghij")
        await quick.until(10)
        await receiver.until(1)
    assert quick.texts == [*"abcdefghij"]
    assert receiver.texts == ["a"]


async def test_a_changed_address_gets_what_waits_at_once(world: World, receiver: Receiver) -> None:
    known = await world.subscribe(receiver)
    moved = await world.receiver()
    moved.secret = receiver.secret
    receiver.next(Mood(500))
    async with world.worker(delays=(HOUR,)):
        await world.vera_writes("one")
        await insist(lambda: world.progress(known), lambda found: found.attempt)
    async with world.worker(delays=(HOUR,)):
        await world.subscribing().change(known, url=moved.address, types=None, title=None, by="test")
        await moved.until(1)
    assert moved.texts == ["one"]


async def test_who_left_is_told_nothing_more(world: World, receiver: Receiver) -> None:
    known = await world.subscribe(receiver)
    other = await world.receiver()
    await world.subscribe(other)
    async with world.worker() as directory:
        await world.vera_writes("one")
        await receiver.until(1)
        left = await world.subscribing().decide(known, lambda found: found.leave(now=now()), by="test")
        await directory.wait_for(left.position)
        await world.vera_writes("two")
        await other.until(2)
    assert receiver.texts == ["one"]
    with pytest.raises(NotFound):
        await world.one(known)


async def test_how_far_it_is_moves_on_though_nothing_is_wanted(world: World, receiver: Receiver) -> None:
    known = await world.subscribe(receiver, "department.*")
    async with world.worker():
        position = (await world.vera_writes("one"))[0]
        await insist(lambda: world.progress(known), lambda found: found.position == position)
    assert receiver.posts == []
