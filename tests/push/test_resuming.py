"""Every case of coming back with a cursor: all that was missed, once and in order; or nothing of it, and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse.aggregates.chat import Chat
from pulse.cursors import Cursor, Cursors
from pulse.directory import Directory
from pulse.errors import LogDown, Refusal
from pulse.eventlog import jetstream
from pulse.eventlog.appends import Append, AppendRefused, Stored
from pulse.eventlog.envelope import subject_of
from pulse.eventlog.jetstream import PAGE, Log
from pulse.house import House, now
from pulse.push import missed, relay, resuming
from pulse.push.ring import Ring
from pulse.tokens import Visit
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.comers import PUSHERS, WAYS, WINDOWS, Back, asking_at_pusher, back, bare, data_of, is_of_log, texts_of
from tests.push.ears import (
    ANNA,
    SALES,
    SUPPORT,
    Door,
    Frame,
    a_door,
    a_visit,
    act,
    assigned_to,
    change,
    happened,
    hire,
    moved_to,
    replies,
    writes,
)

each_way = pytest.mark.parametrize("way", WAYS)
# Where a Pusher client says its cursor makes no difference to what is judged here.
few_ways = pytest.mark.parametrize("way", [*WINDOWS, PUSHERS[0]])
staff_ways = pytest.mark.parametrize("way", [way for way in WAYS if way != WINDOWS[1]])
RINGS: dict[str, Callable[[], Ring]] = {"out of memory": Ring, "out of the log": lambda: Ring(frames=1)}
each_ring = pytest.mark.parametrize("ring", RINGS)

LIFE: tuple[Callable[[Chat], Any], ...] = (
    writes("Hello"), replies("Good day"), writes("Where is it?"), moved_to(SUPPORT), assigned_to(ANNA),
    lambda chat: chat.see_as_customer(chat.version, now=now()), lambda chat: chat.close(ANNA, now=now()),
    writes("And now?"),
)  # fmt: skip


async def lives(house: House, visit: Visit, *acts: Callable[[Chat], Any]) -> int:
    for what in acts or LIFE:
        last = await act(house, visit, what)
    return last.position


async def goes_on(door: Door, house: House, there: Back, visit: Visit) -> None:
    """It hears what happens from now on, first and once."""
    await act(house, visit, writes("Next"))
    heard = await there.ear.until(lambda frame: texts_of([frame]) == ["Next"])
    assert texts_of([*heard, *await there.so_far()]) == ["Next"]


@asynccontextmanager
async def told_a_life(pulse: Pulse, door: Door, way: str, visit: Visit) -> AsyncIterator[list[Frame]]:
    """All that somebody heard who was there while a chat that had begun went on."""
    await happened(pulse, visit, writes("Before"))
    await all_told(door, pulse.house)
    async with back(door, pulse.house, way, visit) as steady:
        await lives(pulse.house, visit)
        await steady.ear.until(lambda frame: texts_of([frame]) == ["And now?"])
        await steady.so_far()
        yield [frame for frame in steady.ear.heard if is_of_log(frame)]


@asynccontextmanager
async def reading_apart(door: Door, house: House) -> AsyncIterator[Log]:
    """The connection by which whoever comes back reads; by the house's, others read as well."""
    log = await Log.connect(house.addresses.nats_url, name="test")
    door.parts.resuming.source = log
    yield log
    await log.close()


@each_way
async def test_nothing_is_live_from_now_on_with_a_cursor(pulse: Pulse, way: str) -> None:
    visit = a_visit()
    async with a_door(pulse.house) as door:
        await happened(pulse, visit, writes("Before"))
        await all_told(door, pulse.house)
        async with back(door, pulse.house, way, visit) as there:
            assert (there.missed, there.reason) == ([], None)
            await goes_on(door, pulse.house, there, visit)
        async with back(door, pulse.house, way, visit, there.cursor) as again:
            assert again.reason is None
            assert texts_of(again.missed) == ["Next"]


@each_way
@each_ring
async def test_from_every_cursor_on_one_hears_the_rest_also_from_the_middle_of_an_event(
    pulse: Pulse, way: str, ring: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is awaited where memory has it: the log is not asked."""
    visit, asked = a_visit(), list[int]()
    async with (
        a_door(pulse.house, ring=RINGS[ring]()) as door,
        told_a_life(pulse, door, way, visit) as heard,
        reading_apart(door, pulse.house) as log,
    ):
        assert len(heard) >= len(LIFE)
        read = log.read

        async def counted(start: int, *, subject: str = ">", limit: int = PAGE) -> list[Stored]:
            asked.append(start)
            return await read(start, subject=subject, limit=limit)

        monkeypatch.setattr(log, "read", counted)
        for number, frame in enumerate(heard, 1):
            async with back(door, pulse.house, way, visit, frame["cursor"]) as again:
                assert again.reason is None
                assert bare(again.missed) == bare(heard[number:])
        assert bool(asked) is (ring == "out of the log")
        async with back(door, pulse.house, way, visit, heard[0]["cursor"]) as again:
            await goes_on(door, pulse.house, again, visit)


@each_way
async def test_any_process_answers_any_cursor(pulse: Pulse, way: str) -> None:
    visit = a_visit()
    async with a_door(pulse.house) as one, a_door(pulse.house, ring=Ring(frames=1)) as other:
        async with told_a_life(pulse, one, way, visit) as heard:
            for number, frame in enumerate(heard, 1):
                for door in (other, one):
                    async with back(door, pulse.house, way, visit, frame["cursor"]) as again:
                        assert (again.reason, bare(again.missed)) == (None, bare(heard[number:]))
        since = heard[0]["cursor"]
        async with a_door(pulse.house) as newest, back(newest, pulse.house, way, visit, since) as again:
            assert (again.reason, bare(again.missed)) == (None, bare(heard[1:]))


async def told_nothing(pulse: Pulse, door: Door, way: str, visit: Visit, since: str, reason: str) -> None:
    """All or nothing: not one of the missed frames, the reason, and everything from now on."""
    async with back(door, pulse.house, way, visit, since) as there:
        assert (there.reason, there.missed) == (reason, [])
        await goes_on(door, pulse.house, there, visit)


def written(cursors: Cursors, way: str, visit: Visit, cursor: Cursor) -> str:
    return cursors.seal(cursor, visit.chat) if way == WINDOWS[1] else cursors.write(cursor)


@each_way
async def test_another_epoch_and_what_is_no_cursor_of_theirs(pulse: Pulse, way: str) -> None:
    visit, house = a_visit(), pulse.house
    last = Cursor(await lives(house, visit, writes("Hello")))
    another = Cursors("0" * 32, house.vault.derive("cursors"))
    made_up = Cursors(house.epoch, bytes(32)).seal(last, visit.chat)
    async with a_door(house) as door:
        for since in (
            written(another, way, visit, last), made_up, "x", "1", "%00", house.cursors.seal(last, a_visit().chat),
            house.cursors.write(last) if way == WINDOWS[1] else house.cursors.seal(last, visit.chat),
        ):  # fmt: skip
            await told_nothing(pulse, door, way, visit, since, "epoch")


@few_ways
async def test_ahead_of_the_log_is_a_proof_where_it_was_sealed_here(pulse: Pulse, way: str) -> None:
    """Anybody on the staff could have typed theirs."""
    visit, proofs = a_visit(), pulse.house.metrics.rollbacks
    before, is_sealed = proofs._value.get(), way == WINDOWS[1]
    beyond = Cursor(await lives(pulse.house, visit, writes("Hello")) + 1000)
    async with a_door(pulse.house) as door:
        with structlog.testing.capture_logs() as said:
            since = written(pulse.house.cursors, way, visit, beyond)
            for _ in range(2):  # one line for as many as come in a minute
                await told_nothing(pulse, door, way, visit, since, "ahead")
        lines = [line for line in said if line["event"] == "push.cursor_beyond"]
        assert [(line["log_level"], line["reason"]) for line in lines] == [
            ("error" if is_sealed else "warning", "ahead")
        ]
        assert proofs._value.get() - before == (2 if is_sealed else 0)


async def test_a_sealed_cursor_of_another_log_is_a_proof_and_junk_is_none(pulse: Pulse) -> None:
    visit, house = a_visit(), pulse.house
    last = Cursor(await lives(house, visit, writes("Hello")))
    another = Cursors("0" * 32, house.vault.derive("cursors"))
    count, way = house.metrics.rollbacks._value.get, WINDOWS[1]
    before = count()
    async with a_door(house) as door:
        for junk in ("x", another.write(last), Cursors(house.epoch, bytes(32)).seal(last, visit.chat)):
            await told_nothing(pulse, door, way, visit, junk, "epoch")
        await told_nothing(pulse, door, WINDOWS[0], visit, another.write(last), "epoch")
        assert count() == before
        await told_nothing(pulse, door, way, visit, another.seal(last, visit.chat), "epoch")
        assert count() == before + 1


@asynccontextmanager
async def a_door_that_lags(house: House) -> AsyncIterator[tuple[Door, asyncio.Event]]:
    """Its relay stands still until the event is set: it does not learn who may hear what follows."""
    directory, may_learn = Directory(house.log), asyncio.Event()
    reading = asyncio.create_task(directory.run())
    await directory.ready.wait()
    async with a_door(house, directory=directory) as door:
        reading.cancel()
        await hire(house, "nina", SALES)

        async def learn() -> None:
            await may_learn.wait()
            await directory.run()

        reading = asyncio.create_task(learn())
        yield door, may_learn
        may_learn.set()
    reading.cancel()


@few_ways
async def test_a_process_that_lags_waits_for_a_moment(pulse: Pulse, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    visit, house = a_visit(), pulse.house
    async with a_door_that_lags(house) as (door, may_learn):
        since = written(house.cursors, way, visit, Cursor(await lives(house, visit)))
        monkeypatch.setattr(resuming, "LAG_SECONDS", 0.1)
        async with back(door, house, way, visit, since) as there:
            assert (there.reason, there.missed) == ("lag", [])
        monkeypatch.setattr(resuming, "LAG_SECONDS", 20)

        async def coming() -> None:
            async with back(door, house, way, visit, since) as there:
                assert (there.reason, there.missed) == (None, [])
                await goes_on(door, house, there, visit)

        async with asyncio.timeout(20):
            comes = asyncio.create_task(coming())
            await asyncio.sleep(0)
            may_learn.set()
            await comes


async def test_too_far_in_events(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    visit, way = a_visit(), WINDOWS[0]
    async with a_door(pulse.house, ring=Ring(frames=1)) as door, told_a_life(pulse, door, way, visit) as heard:
        monkeypatch.setattr(resuming, "SPAN", 2)
        await told_nothing(pulse, door, way, visit, heard[0]["cursor"], "too_far")


@pytest.mark.parametrize("way", WAYS[1:])
async def test_no_distance_is_too_far_for_one_chat(pulse: Pulse, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events have a subject of their own, so nothing else is read."""
    visit, house = a_visit(), pulse.house
    async with a_door(house, ring=Ring(frames=1)) as door, told_a_life(pulse, door, way, visit) as heard:
        for _ in range(3):
            await happened(pulse, a_visit(), *LIFE)
        monkeypatch.setattr(resuming, "SPAN", 2)
        async with back(door, house, way, visit, heard[0]["cursor"]) as again:
            assert again.reason is None
            assert bare(again.missed) == bare(heard[1:])


@pytest.mark.parametrize("way", WAYS[1:])
async def test_a_chat_is_read_to_its_end_however_little_the_log_gives_at_once(
    pulse: Pulse, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of the log ends after so many bytes, and does not say that more follows."""
    visit, house = a_visit(), pulse.house
    async with a_door(house, ring=Ring(frames=1)) as door, told_a_life(pulse, door, way, visit) as heard:
        monkeypatch.setattr(jetstream, "PAGE_BYTES", 1000)
        assert len(await house.log.read(1, subject=subject_of("chat", visit.chat))) < len(LIFE)
        async with back(door, house, way, visit, heard[0]["cursor"]) as again:
            assert again.reason is None
            assert bare(again.missed) == bare(heard[1:])


@pytest.mark.parametrize("way", [WINDOWS[0], PUSHERS[0]])
@each_ring
async def test_whose_chat_was_away_and_is_back_takes_a_snapshot(pulse: Pulse, way: str, ring: str) -> None:
    """Not who saw it all the time, whatever happened to it."""
    visit, house = a_visit(), pulse.house
    sam, sue = await hire(house, "sam", SALES), await hire(house, "sue", SALES, SUPPORT)
    await happened(pulse, visit, writes("Before"))
    async with a_door(house, ring=RINGS[ring]()) as door:
        async with back(door, house, way, visit, who=sam) as there:
            pass
        await happened(pulse, visit, moved_to(SUPPORT), assigned_to(ANNA), writes("For Support"), moved_to(SALES))
        await all_told(door, house)
        async with back(door, house, way, visit, there.cursor, who=sam) as again:
            assert (again.reason, again.missed) == ("rights", [])
            await goes_on(door, house, again, visit)
        async with back(door, house, way, visit, there.cursor, who=sue) as other:
            assert other.reason is None
            assert set(texts_of(other.missed)) >= {"For Support", "Next"}


@few_ways
@each_ring
@pytest.mark.parametrize("limit", ["FRAMES", "BYTES"])
async def test_too_far_in_frames_or_bytes(
    pulse: Pulse, way: str, ring: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that are theirs: what others are told does not count."""
    visit = a_visit()
    async with a_door(pulse.house, ring=RINGS[ring]()) as door, told_a_life(pulse, door, way, visit) as heard:
        await relayed(door, await lives(pulse.house, a_visit()))
        monkeypatch.setattr(missed, limit, 2)
        await told_nothing(pulse, door, way, visit, heard[0]["cursor"], "too_far")


async def test_what_others_are_told_is_not_too_much(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    visit, way = a_visit(), WINDOWS[1]
    async with a_door(pulse.house, ring=Ring(frames=1)) as door:
        async with back(door, pulse.house, way, visit) as there:
            pass
        await lives(pulse.house, visit, writes("Mine"))
        for _ in range(3):
            await happened(pulse, a_visit(), *LIFE)
        monkeypatch.setattr(missed, "FRAMES", 5)
        async with back(door, pulse.house, way, visit, there.cursor) as again:
            assert again.reason is None
            assert [frame["type"] for frame in again.missed] == ["chat.session.created", "chat.message"]


async def test_a_few_read_the_log_at_once_and_whoever_waits_too_long_is_told_so(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who are in time hear everything."""
    visit, way, house = a_visit(), WINDOWS[1], pulse.house
    may_read, reading = asyncio.Event(), list[int]()
    async with (
        a_door(house, ring=Ring(frames=1)) as door,
        reading_apart(door, house) as log,
        AsyncExitStack() as stack,
    ):
        read = log.read

        async def held(start: int, *, subject: str = ">", limit: int = PAGE) -> list[Stored]:
            reading.append(start)
            await may_read.wait()
            return await read(start, subject=subject, limit=limit)

        async with told_a_life(pulse, door, WINDOWS[0], visit) as heard:
            since = house.cursors.seal(house.cursors.read(heard[0]["cursor"]), visit.chat)
        monkeypatch.setattr(log, "read", held)
        monkeypatch.setattr(resuming, "WAIT_SECONDS", 30)
        others = [a_visit() for _ in range(resuming.AT_ONCE - 1)]
        comers = [
            (visit, since),
            *((one, house.cursors.seal(house.cursors.read(heard[0]["cursor"]), one.chat)) for one in others),
        ]
        coming = [asyncio.create_task(stack.enter_async_context(back(door, house, way, *one))) for one in comers]
        while len(reading) < resuming.AT_ONCE:
            await asyncio.sleep(0)
        monkeypatch.setattr(resuming, "WAIT_SECONDS", 0.05)
        await told_nothing(pulse, door, way, visit, since, "busy")
        may_read.set()
        first, *rest = await asyncio.gather(*coming)
        assert {one.reason for one in (first, *rest)} == {None}
        assert texts_of(first.missed) == ["Good day", "Where is it?", "And now?", "Next"]


@staff_ways
@each_ring
async def test_whose_rights_have_changed_since_takes_a_snapshot(pulse: Pulse, way: str, ring: str) -> None:
    """And nobody else does."""
    visit, house = a_visit(), pulse.house
    sam, sue = await hire(house, "sam", SALES), await hire(house, "sue", SALES)
    await happened(pulse, visit, writes("Before"))
    async with a_door(house, ring=RINGS[ring]()) as door:
        async with back(door, house, way, visit, who=sam) as there:
            pass
        await happened(pulse, visit, writes("Hello"))
        await change(house, sam, lambda who: who.change_role("moderator", (SALES, SUPPORT), now=now()))
        await happened(pulse, visit, writes("Hello again"))
        await all_told(door, house)
        async with back(door, house, way, visit, there.cursor, who=sam) as again:
            assert (again.reason, again.missed) == ("rights", [])
            await goes_on(door, house, again, visit)
        async with back(door, house, way, visit, again.cursor, who=sam) as after:
            assert after.reason is None
            assert texts_of(after.missed) == ["Next"]
        async with back(door, house, way, visit, there.cursor, who=sue) as other:
            assert other.reason is None
            assert {"Hello", "Hello again", "Next"} <= set(texts_of(other.missed))


@pytest.mark.parametrize("way", PUSHERS)
@each_ring
@pytest.mark.parametrize("lost", ["the chat has moved", "the role is another"])
async def test_who_may_not_subscribe_any_more_is_refused_and_told_nothing_of_what_was_missed(
    pulse: Pulse, way: str, ring: str, lost: str
) -> None:
    visit, house = a_visit(), pulse.house
    sam = await hire(house, "sam", SALES)
    await happened(pulse, visit, writes("Before"))
    async with a_door(house, ring=RINGS[ring]()) as door:
        async with back(door, house, way, visit, who=sam) as there:
            pass
        await happened(pulse, visit, writes("For Sales"))
        if lost == "the chat has moved":
            await happened(pulse, visit, moved_to(SUPPORT))
        else:
            changed = await change(house, sam, lambda who: who.change_role("moderator", (SUPPORT,), now=now()))
            await house.directory.wait_for(changed.position)
        async with asking_at_pusher(door, house, way, visit, there.cursor, sam) as (ear, answer):
            assert (answer["event"], data_of(answer)["status"]) == ("pusher:subscription_error", 403)
            await lives(house, visit, writes("For others"))
            await ear.send("pusher:ping", {})
            assert (await ear.next())["event"] == "pusher:pong"
            assert ear.asides == []


@each_ring
async def test_what_a_moderator_may_not_see_is_not_told_afterwards_either(pulse: Pulse, ring: str) -> None:
    visit, other, house = a_visit(), a_visit(), pulse.house
    sam = await hire(house, "sam", SALES)
    async with a_door(house, ring=RINGS[ring]()) as door:
        async with back(door, house, WINDOWS[0], visit, who=sam) as there:
            pass
        await lives(house, visit, writes("For Sales"), moved_to(SUPPORT), writes("For Support"))
        await happened(pulse, other, writes("For Sales again"))
        await all_told(door, house)
        async with back(door, house, WINDOWS[0], visit, there.cursor, who=sam) as again:
            assert texts_of(again.missed)[:2] == ["For Sales", "For Sales again"]
            assert "chat.session.assigned" in {frame["type"] for frame in again.missed}


@few_ways
@pytest.mark.parametrize("trouble", [LogDown(), AppendRefused(10_008, "not now")])
async def test_while_the_log_is_away_what_is_in_memory_is_told_and_nothing_older(
    pulse: Pulse, way: str, trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, house = a_visit(), pulse.house

    async def away(*_: object, **__: object) -> Any:
        raise trouble

    async with (
        a_door(house) as large,
        a_door(house, ring=Ring(frames=1)) as small,
        told_a_life(pulse, large, way, visit) as heard,
    ):
        beyond = written(house.cursors, way, visit, Cursor(await house.log.last_position() + 7))
        with monkeypatch.context() as patch:
            patch.setattr(house.log, "read", away)
            patch.setattr(house.log, "last_position", away)
            async with back(large, house, way, visit, heard[0]["cursor"]) as there:
                assert (there.reason, bare(there.missed)) == (None, bare(heard[1:]))
            for door, since in ((small, heard[0]["cursor"]), (large, beyond)):
                async with back(door, house, way, visit, since) as there:
                    assert (there.reason, there.missed) == ("away", [])


@few_ways
@each_ring
async def test_nothing_is_lost_or_doubled_while_events_stream_in(pulse: Pulse, way: str, ring: str) -> None:
    visit, house = a_visit(), pulse.house
    texts = [f"number {number}." for number in range(200)]
    await happened(pulse, visit, writes("Before"))
    async with a_door(house, ring=RINGS[ring]()) as door, back(door, house, way, visit) as steady:
        since, heard = steady.cursor, list[Frame]()

        async def write() -> None:
            for text in texts:
                await act(house, visit, writes(text))

        writing = asyncio.create_task(write())
        while texts[-1] not in texts_of(heard):
            async with back(door, house, way, visit, since) as there:
                assert there.reason is None
                for _ in range(5):  # long enough to hear what happens after it came
                    await there.so_far()
                some = [frame for frame in there.ear.heard if is_of_log(frame)]
            heard += some
            since = some[-1]["cursor"] if some else since
        await writing
        assert texts_of(heard) == texts
        await steady.so_far()
        told = [frame for frame in steady.ear.heard if is_of_log(frame)]
        assert bare(heard) == bare(told[: len(heard)])


@pytest.mark.parametrize("way", PUSHERS[2:])
async def test_one_resume_is_for_all_that_is_subscribed_to_after_it(pulse: Pulse, way: str) -> None:
    one, other, house = a_visit(), a_visit(), pulse.house
    for visit in (one, other):
        await happened(pulse, visit, writes("Before"))
    async with a_door(house) as door:
        async with back(door, house, way, one) as there:
            pass
        await happened(pulse, one, writes("In one"))
        await happened(pulse, other, writes("In another"))
        await all_told(door, house)
        async with back(door, house, way, one, there.cursor) as again:
            assert texts_of(again.missed) == ["In one"]
            ear: Any = again.ear
            channel = f"private-chat.{other.chat}"
            auth = house.signer.subscription(house.settings.push_key, ear.socket_id, channel)
            await ear.subscribe(channel, auth=auth)
            assert texts_of(await again.so_far()) == ["In another"]


POISON = {"an event of a later Pulse": b'{"type":"chat.teleported","v":1,"data":{}}', "no event at all": b"poison"}


@each_ring
@pytest.mark.parametrize("what", POISON)
async def test_what_could_not_be_told_is_passed_over_by_whoever_begins_or_comes_back(
    pulse: Pulse, ring: str, what: str
) -> None:
    visit, house = a_visit(), pulse.house
    async with a_door(house) as door, back(door, house, WINDOWS[0], visit) as there:
        pass
    await lives(house, visit, writes("Before"))
    await house.log.append(Append(subject_of("chat", uuid4()), POISON[what]))
    await lives(house, visit, writes("After"))
    with structlog.testing.capture_logs():
        async with (
            a_door(house, ring=RINGS[ring]()) as door,
            back(door, house, WINDOWS[0], visit, there.cursor) as again,
        ):
            assert again.reason is None
            assert texts_of(again.missed) == ["Before", "After"]


@each_ring
async def test_a_restart_forgets_nothing_that_is_recent(
    pulse: Pulse, ring: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest events are in memory before the door opens; what is older is in the log."""
    visit, house = a_visit(), pulse.house
    async with a_door(house) as door, told_a_life(pulse, door, WINDOWS[0], visit) as heard:
        pass
    monkeypatch.setattr(relay, "WARM", 3)
    async with a_door(house, ring=RINGS[ring]()) as door:
        assert door.parts.telling.ring.floor >= await house.log.last_position() - 3
        async with back(door, house, WINDOWS[0], visit, heard[0]["cursor"]) as again:
            assert (again.reason, bare(again.missed)) == (None, bare(heard[1:]))


# What somebody does who comes and goes: something happens, they read so many frames, leave, come back.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("happens"), st.integers(0, len(LIFE) - 1)),
        st.tuples(st.just("reads"), st.integers(1, 5)),
        st.tuples(st.sampled_from(["leaves", "comes"]), st.just(0)),
    ),
    max_size=30,
)


class Wanderer:
    """Reads as much as it likes, comes and goes, and knows nothing but the cursor of what it read last."""

    def __init__(self, door: Door, house: House, way: str, visit: Visit) -> None:
        self.open = lambda since: back(door, house, way, visit, since)
        self.heard: list[Frame] = []
        self.cursor: str | None = None
        self._stack = AsyncExitStack()
        self._unread: list[Frame] = []
        self._there: Back | None = None

    async def comes(self) -> None:
        if self._there is None:
            self._there = await self._stack.enter_async_context(self.open(self.cursor))
            assert self._there.reason is None
            self._unread = self._there.missed
            self.cursor = self.cursor or self._there.cursor

    async def leaves(self) -> None:
        await self._stack.aclose()
        self._there, self._unread = None, []

    async def reads(self, many: int) -> None:
        """As many as there are, at most."""
        if self._there is None:
            return
        self._unread += [frame for frame in await self._there.so_far() if is_of_log(frame)]
        some, self._unread = self._unread[:many], self._unread[many:]
        self.heard += some
        self.cursor = some[-1]["cursor"] if some else self.cursor


@pytest.mark.parametrize("way", [*WINDOWS, PUSHERS[0]])
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, frames=st.integers(1, 8), page=st.integers(1, 4))
async def test_who_comes_and_goes_hears_exactly_what_who_never_left_hears(
    pulse: Pulse, way: str, steps: list[tuple[str, int]], frames: int, page: int
) -> None:
    visit, house = a_visit(), pulse.house
    await happened(pulse, visit, writes("Before"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resuming, "PAGE", page)
        patch.setattr(resuming, "TURN", 1)
        async with (
            a_door(house, ring=Ring(frames=frames)) as door,
            back(door, house, way, visit) as steady,
            AsyncExitStack() as stack,
        ):
            wanderer = Wanderer(door, house, way, visit)
            stack.push_async_callback(wanderer.leaves)
            await wanderer.comes()
            for step, number in [*steps, ("happens", 0), ("comes", 0)]:
                match step:
                    case "happens":
                        with suppress(Refusal):
                            await relayed(door, (await act(house, visit, LIFE[number])).position)
                    case "reads":
                        await wanderer.reads(number)
                    case "comes":
                        await wanderer.comes()
                    case _:
                        await wanderer.leaves()
            await steady.so_far()
            await wanderer.reads(10_000)
            told = [frame for frame in steady.ear.heard if is_of_log(frame)]
            assert bare(wanderer.heard) == bare(told)


async def all_told(door: Door, house: House) -> None:
    """Whatever happened by now this process has told too."""
    await relayed(door, await house.log.last_position())


async def relayed(door: Door, position: int) -> None:
    """All of this event has been told."""

    async def head() -> Cursor:
        return door.parts.telling.ring.head

    await insist(head, lambda found: found >= Cursor(position), pause=0.001)
